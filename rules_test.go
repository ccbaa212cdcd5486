package latchkey_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const catalogue = "docs/rules.md"

var update = flag.Bool("update", false, "write the column of tests in "+catalogue)

// TestRules holds the catalogue to the code, in both directions. A rule that a Go file cites has a row, and a row names the
// tests that cite its rule, all of them and no others. It cannot tell whether a test that cites a rule is able to fail
// without it; `make mutate` looks at that.
func TestRules(t *testing.T) {
	cited := cites(t)
	text, err := os.ReadFile(catalogue)
	if err != nil {
		t.Fatal(err)
	}
	written, rows, faults := filled(string(text), cited)
	for _, fault := range faults {
		t.Error(fault)
	}
	for _, tag := range slices.Sorted(maps.Keys(cited)) {
		if !rows[tag] {
			t.Errorf("%s has no row for %s, which %s cites", catalogue, tag, cited[tag].where)
		}
	}
	if written == string(text) {
		return
	}
	if !*update {
		t.Fatalf("%s names other tests than those that cite its rules; write it with: go test . -run TestRules -update\n%s",
			catalogue, firstDifference(string(text), written))
	}
	if err := os.WriteFile(catalogue, []byte(written), 0o644); err != nil {
		t.Fatal(err)
	}
}

var ruleRow = regexp.MustCompile(`^\| ([A-Z]?[0-9][0-9.]*) \| (.+) \| (.*)\|$`)

// filled is the catalogue with its column of tests written, the rules that have a row, and what is wrong with it.
func filled(text string, cites map[string]*cited) (written string, rows map[string]bool, faults []string) {
	const (
		start = "<!-- rules: "
		end   = "<!-- /rules -->"
		none  = "no test of its own"
	)
	rows = map[string]bool{}
	inside, complete := false, false
	var b strings.Builder
	for line := range strings.Lines(text) {
		bare := strings.TrimSuffix(line, "\n")
		inside = inside && bare != end || strings.HasPrefix(bare, start)
		complete = complete || bare == end
		m := ruleRow.FindStringSubmatch(bare)
		switch {
		case !inside || !strings.HasPrefix(bare, "|") || bare == "| tag | rule | tests |" || bare == "|---|---|---|":
			b.WriteString(line)
			continue
		case m == nil:
			faults = append(faults, fmt.Sprintf("no row of a rule: %s", bare))
			b.WriteString(line)
			continue
		case rows[m[1]]:
			faults = append(faults, m[1]+" has two rows")
		case cites[m[1]] == nil:
			faults = append(faults, m[1]+" has a row, and no Go file cites it")
		}
		rows[m[1]] = true
		tests := none
		if c := cites[m[1]]; c != nil && len(c.tests) > 0 {
			tests = "`" + strings.Join(c.tests, "` `") + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", m[1], m[2], tests)
	}
	if !complete {
		faults = append(faults, "the marker "+end+" is missing")
	}
	return b.String(), rows, faults
}

// firstDifference shows the first line in which two texts differ.
func firstDifference(is, should string) string {
	a, b := strings.Split(is, "\n"), strings.Split(should, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return "is:     " + a[i] + "\nshould: " + b[i]
		}
	}
	return fmt.Sprintf("%d lines and %d", len(a), len(b))
}
