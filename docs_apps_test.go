package latchkey_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const appsDocument = "docs/apps.md"

// appSections are what each page of an app has, in this order.
var appSections = []string{
	"Header", "Caddyfile", "Trust", "Sessions", "WebSockets and streams", "Programs", "Sign-out", "Known oddities",
}

// Each page of an app has its sections, says from where it is known, when and of which version, has a whole Caddyfile of its own
// (which TestExampleCaddyfilesAreValid loads and `make apps` runs), and is in the index.
func TestPagesOfApps(t *testing.T) {
	index := read(t, appsDocument)
	_, trial, _ := strings.Cut(index, "<!-- apps: written by `make apps` -->\n")
	trial, _, _ = strings.Cut(trial, "<!-- apps: end -->")
	pages, err := filepath.Glob("docs/apps/*.md")
	if err != nil || len(pages) < 20 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	ran := 0
	for _, page := range pages {
		t.Run(filepath.Base(page), func(t *testing.T) {
			text := read(t, page)
			for _, fault := range appPageFaults(text, trial) {
				t.Error(fault)
			}
			run := strings.Contains(text, "**Run by us**")
			if run {
				ran++
			}
			checkListed(t, index, "apps", page, run)
		})
	}
	if ran < 8 {
		t.Errorf("%d apps are run", ran)
	}
}

// appPageFaults returns what is wrong with the text of a page. trial is the table of `make apps`.
func appPageFaults(text, trial string) (faults []string) {
	known, faults := pageFaults(text, appSections)
	if known == nil {
		return faults
	}
	said := known[3]
	if known[2] == "Run by us" {
		name, _, _ := strings.Cut(strings.TrimPrefix(said, ": "), " (")
		if !strings.Contains(trial, "| "+name+" |") {
			faults = append(faults, "was not run by `make apps` as "+name)
		}
		if when := date.FindString(trial); date.FindString(said) != when {
			faults = append(faults, "`make apps` was run on "+when)
		}
	}
	if !strings.Contains(text, "```caddyfile\n{\n\tlatchkey {\n\t\tprovider {") || !strings.Contains(text, "\n\tlatchkey") {
		faults = append(faults, "has no whole Caddyfile with a site")
	}
	if !strings.Contains(text, "/.latchkey/") {
		faults = append(faults, "does not say how to sign out")
	}
	return faults
}

func TestFaultsOfAppPages(t *testing.T) {
	good := read(t, "docs/apps/gitea.md")
	known := howKnown.FindStringSubmatch(good)
	trial := "Run on " + date.FindString(known[3]) + ".\n\n| | Gitea " + release.FindString(known[3]) + " |"
	if faults := appPageFaults(good, trial); len(faults) > 0 {
		t.Fatalf("a good page: %q", faults)
	}
	for change, want := range map[[2]string]string{
		{"## Trust", "## Trusts"}:                            "has the sections",
		{"**Run by us**", "Run by us"}:                       "does not say",
		{date.FindString(known[3]), "lately"}:                "names no date",
		{"Gitea 1.", "Gitea 0."}:                             "was not run by",
		{"on " + date.FindString(known[3]), "on 2026-01-01"}: "was run on",
		{"\t\tprovider {", "\t\t# provider {"}:               "no whole Caddyfile",
		{"/.latchkey/", "/oauth2/"}:                          "how to sign out",
	} {
		faults := appPageFaults(strings.ReplaceAll(good, change[0], change[1]), trial)
		if !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, want) }) {
			t.Errorf("%q for %q: %q", change[1], change[0], faults)
		}
	}
	bare := ownSource.ReplaceAllString(strings.ReplaceAll(good, "**Run by us**", "**From its documentation**"), "]")
	if faults := appPageFaults(bare, trial); !slices.Contains(faults, "names no source") {
		t.Errorf("without a source: %q", faults)
	}
}
