// Package grammartest holds what is promised of every word of a Caddyfile, for the packages that own words.
package grammartest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Documented fails for each word that is not in Caddyfile.example, or in no page of docs and not in the README: an operator can
// copy a word and read what it does. root is the folder of the module; words are by the name of their block.
func Documented(t *testing.T, root string, words map[string][]string) {
	t.Helper()
	example, err := os.ReadFile(filepath.Join(root, "Caddyfile.example"))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("%v, %v", pages, err)
	}
	var docs strings.Builder
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		docs.Write(text)
	}
	for block, list := range words {
		for _, w := range list {
			if !stands(string(example), w) {
				t.Errorf("%s: the word %s is not in Caddyfile.example", block, w)
			}
			if !stands(docs.String(), w) {
				t.Errorf("%s: the word %s is in no page of docs and not in the README", block, w)
			}
		}
	}
}

// stands reports whether a word is the first one of a line, of a comment's code or of a piece of code.
func stands(text, word string) bool {
	for rest := text; ; {
		at := strings.Index(rest, word)
		if at < 0 {
			return false
		}
		before, after := text[:len(text)-len(rest)+at], rest[at+len(word):]
		ends := after == "" || strings.ContainsRune(" `\n", rune(after[0]))
		line := before[strings.LastIndexByte(before, '\n')+1:]
		if ends && (strings.Trim(line, "\t #") == "" || strings.HasSuffix(line, ": ") || strings.HasSuffix(line, "`")) {
			return true
		}
		rest = after
	}
}
