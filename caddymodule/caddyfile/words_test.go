package caddyfile

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every word of the Caddyfile stands in Caddyfile.example, and in the README or a page of docs: an operator can copy it and
// read what it does (issue point "words" of the field trial).
func TestEveryWordIsDocumented(t *testing.T) {
	example, err := os.ReadFile("../../Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("%v, %v", pages, err)
	}
	var docs strings.Builder
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		docs.Write(text)
	}
	for block, words := range map[string][]string{
		"latchkey": slices.Collect(maps.Keys(globalWords)), "session": slices.Collect(maps.Keys(sessionWords)),
		"limits": slices.Collect(maps.Keys(limitWords)), "brand": slices.Collect(maps.Keys(brandWords)),
		"headers": slices.Collect(maps.Keys(headersOptions)), "idle_sign_out": slices.Collect(maps.Keys(idleSignOutWords)),
		"policy": slices.Collect(maps.Keys(policyWords)), "provider": slices.Collect(maps.Keys(providerWords)),
		"sign_in_log": slices.Collect(maps.Keys(signInLogWords)), "site": slices.Collect(maps.Keys(siteWords)),
		"stay_signed_in": slices.Collect(maps.Keys(staySignedInWords)),
		"assertion":      slices.Collect(maps.Keys(assertionWords)),
	} {
		for _, w := range words {
			// As the first word of a line, of a comment's code or of a piece of code.
			stands := regexp.MustCompile("(?m)(^[\t #]*|: |`)" + regexp.QuoteMeta(w) + "( |`|$)")
			if !stands.Match(example) {
				t.Errorf("%s: the word %s is not in Caddyfile.example", block, w)
			}
			if !stands.MatchString(docs.String()) {
				t.Errorf("%s: the word %s is in no page of docs and not in the README", block, w)
			}
		}
	}
}
