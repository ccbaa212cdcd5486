package identity

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// cells are the cells of the rows of a table that stands under a line of a document, but for its head.
func cells(t *testing.T, document, under string) (rows [][]string) {
	t.Helper()
	_, rest, ok := strings.Cut(document, "\n"+under)
	if !ok {
		t.Fatalf("no line begins with %q", under)
	}
	_, rest, _ = strings.Cut(rest, "\n|")
	for i, line := range strings.Split(rest, "\n") {
		if line == "" {
			break
		}
		if i >= 2 {
			rows = append(rows, strings.Split(strings.Trim(line, "| "), " | "))
		}
	}
	return rows
}

var escapedByte = regexp.MustCompile(`\\x([0-9A-F]{2})`)

// literal is what a cell stands for.
func literal(cell string) string {
	if cell == "absent" {
		return ""
	}
	return escapedByte.ReplaceAllStringFunc(strings.Trim(cell, "`"), func(s string) string {
		c, _ := strconv.ParseUint(s[2:], 16, 8)
		return string([]byte{byte(c)})
	})
}

// Field trial 1.17: docs/headers.md says how each value is written, and its examples are what is written.
func TestDocumentedExamples(t *testing.T) {
	document, err := os.ReadFile("../../docs/headers.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []struct {
		under string
		write func(Encoding, string) string
	}{
		{"Examples of texts", func(e Encoding, text string) string { value, _ := e.Text(text); return value }},
		{"Examples of lists", func(e Encoding, text string) string { return e.List(strings.Split(text, ";")) }},
	} {
		rows := cells(t, string(document), table.under)
		if len(rows) < 4 {
			t.Fatalf("%s: %d rows", table.under, len(rows))
		}
		for _, row := range rows {
			if len(row) != 1+len(all) {
				t.Fatalf("%q has %d cells", row, len(row))
			}
			for i, e := range all {
				if got := table.write(e, literal(row[0])); got != literal(row[i+1]) {
					t.Errorf("%s in %s is %q, documented as %q", row[0], e, got, literal(row[i+1]))
				}
			}
		}
	}
	for _, word := range Encodings {
		if !strings.Contains(string(document), "\n| `"+word+"`") {
			t.Errorf("%s is not documented", word)
		}
	}
}
