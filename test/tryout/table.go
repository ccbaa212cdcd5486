package tryout

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// Table has a row for each check and a column for each program, and the notes below it.
func Table(results []Result, checks []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Run on %s.\n\n| |", time.Now().UTC().Format(time.DateOnly))
	for _, r := range results {
		fmt.Fprintf(&b, " %s %s |", r.Name, r.Version)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(results)) + "\n")
	for _, c := range checks {
		fmt.Fprintf(&b, "| %s |", c)
		for _, r := range results {
			fmt.Fprintf(&b, " %s |", r.Cells[c].text())
		}
		b.WriteString("\n")
	}
	for _, r := range results {
		if r.Missing != nil {
			fmt.Fprintf(&b, "\n%s was not tried: %s\n", r.Name, oneLine(r.Missing.Error()))
		}
	}
	return b.String()
}

func (c Cell) text() string {
	switch {
	case c.Word == "":
		return ""
	case c.Note == "":
		return c.Word
	case c.Word == Good:
		return Good + " (" + oneLine(c.Note) + ")"
	}
	return c.Word + ": " + oneLine(c.Note)
}

// oneLine makes a text fit into a cell.
func oneLine(s string) string {
	s = strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", "\\|")
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}

// Faults names each fault.
func Faults(results []Result, checks []string) []string {
	var out []string
	for _, r := range results {
		if r.Missing != nil {
			out = append(out, r.Name+": "+r.Missing.Error())
		}
		for _, c := range checks {
			if one := r.Cells[c]; one.Word == Bad {
				out = append(out, fmt.Sprintf("%s, %s: %s", r.Name, c, one.Note))
			}
		}
	}
	return out
}

// ReplaceSection puts a table between the markers of a document, which `make <name>` writes.
func ReplaceSection(path, name, text string) error {
	begin, end := "<!-- "+name+": written by `make "+name+"` -->", "<!-- "+name+": end -->"
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
	if err := os.WriteFile(path, []byte(doc), 0o644); err != nil { //nolint:gosec // a document that every client may read
		return fmt.Errorf("writing the document: %w", err)
	}
	return nil
}
