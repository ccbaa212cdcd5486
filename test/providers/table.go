package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// The table stands between these lines of the document.
const (
	begin = "<!-- providers: written by `make providers` -->"
	end   = "<!-- providers: end -->"
)

// table has a row for each check and a column for each provider, and the notes below it.
func table(results []result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Run on %s.\n\n| |", time.Now().UTC().Format(time.DateOnly))
	for _, r := range results {
		fmt.Fprintf(&b, " %s %s |", r.provider, r.version)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(results)) + "\n")
	for _, c := range checks {
		fmt.Fprintf(&b, "| %s |", c.name)
		for _, r := range results {
			fmt.Fprintf(&b, " %s |", r.cells[c.name].text())
		}
		b.WriteString("\n")
	}
	for _, r := range results {
		if r.missing != nil {
			fmt.Fprintf(&b, "\n%s was not tried: %s\n", r.provider, oneLine(r.missing.Error()))
		}
	}
	return b.String()
}

func (c cell) text() string {
	switch {
	case c.word == "":
		return ""
	case c.note == "":
		return c.word
	case c.word == good:
		return good + " (" + oneLine(c.note) + ")"
	}
	return c.word + ": " + oneLine(c.note)
}

// oneLine makes a text fit into a cell.
func oneLine(s string) string {
	s = strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", "\\|")
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}

func faults(results []result) []string {
	var out []string
	for _, r := range results {
		if r.missing != nil {
			out = append(out, r.provider+": "+r.missing.Error())
		}
		for _, c := range checks {
			if one := r.cells[c.name]; one.word == bad {
				out = append(out, fmt.Sprintf("%s, %s: %s", r.provider, c.name, one.note))
			}
		}
	}
	return out
}

// replaceSection puts the table between the markers of a document.
func replaceSection(path, text string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the document: %w", err)
	}
	before, rest, found := strings.Cut(string(raw), begin+"\n")
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return fmt.Errorf("%s has no section between %q and %q", path, begin, end)
	}
	doc := before + begin + "\n" + text + end + after
	if err := os.WriteFile(path, []byte(doc), 0o644); err != nil { //nolint:gosec // a document that everybody may read
		return fmt.Errorf("writing the document: %w", err)
	}
	return nil
}
