package latchkey_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/monitoring"
)

const runbook = "docs/runbook.md"

// Each alert has a section in the runbook with what it means, where to look and what to do, and each section there is of an
// alert that exists. The address in the alert leads to it.
func TestRunbookOfAlerts(t *testing.T) {
	document := read(t, runbook)
	alerts, _ := monitoring.Alerts()
	sections := map[string]string{}
	for _, one := range strings.Split(document, "\n### ")[1:] {
		name, text, _ := strings.Cut(one, "\n")
		text, _, _ = strings.Cut(text, "\n## ")
		sections[name] = text
	}
	for _, name := range alerts {
		for _, part := range []string{"**Means:**", "**Look", "**Do:**"} {
			if !strings.Contains(sections[name], part) {
				t.Errorf("%s: the section of %s has no %s", runbook, name, part)
			}
		}
		delete(sections, name)
	}
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		t.Errorf("%s: there is no alert %s", runbook, name)
	}
}

// Each word of docs/reasons.md has a line under the same heading of the runbook, and no other has.
func TestRunbookOfReasons(t *testing.T) {
	document, reasons := read(t, runbook), read(t, reasonsDocument)
	words := 0
	for _, found := range heading.FindAllStringSubmatch(reasons, -1) {
		explained, solved := rowsUnder(t, reasons, found[1]), rowsUnder(t, document, found[1])
		for word := range explained {
			words++
			if len(solved[word]) == 0 {
				t.Errorf("%s, %s: `%s` is missing", runbook, found[1], word)
			}
		}
		for word, row := range solved {
			if len(explained[word]) == 0 {
				t.Errorf("%s, %s: there is no `%s`", runbook, found[1], word)
			}
			if len(row) != 2 || strings.TrimSpace(row[0]) == "" || strings.TrimSpace(row[1]) == "" {
				t.Errorf("%s, %s: `%s` lacks where to look or what to do", runbook, found[1], word)
			}
		}
	}
	if words < 200 {
		t.Errorf("only %d words were found", words)
	}
}
