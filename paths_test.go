package latchkey_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Field trial 2.13: no example shows the form of a path rule that docs/policies.md calls unsafe: an exact path beside
// everything below it (`/admin` and `/admin/*`), which an application that cuts off parameters reads otherwise.
func TestExamplesNamePrefixes(t *testing.T) {
	rules := 0
	for _, name := range append(documents(t), "Caddyfile.example", "cmd/latchkey/demo/caddyfile.go") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			if len(words) < 3 || !strings.HasPrefix(words[0], "@") || words[1] != "path" {
				continue
			}
			rules++
			if path, unsafe := exactBesideBelow(words[2:]); unsafe {
				t.Errorf("%s: %s: write %s* instead", name, strings.TrimSpace(line), path)
			}
		}
	}
	if rules < 4 {
		t.Errorf("only %d rules for paths were found", rules)
	}
}

func exactBesideBelow(paths []string) (string, bool) {
	for _, p := range paths {
		if slices.Contains(paths, p+"/*") {
			return p, true
		}
	}
	return "", false
}

func TestExactBesideBelow(t *testing.T) {
	for line, want := range map[string]bool{"/a /a/*": true, "/a/* /b /a": true, "/a*": false, "/a /b/*": false, "/a/*": false} {
		if _, got := exactBesideBelow(strings.Fields(line)); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
}
