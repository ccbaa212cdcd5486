package latchkey_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const providersDocument = "docs/providers.md"

// providerSections are what each page of a provider has, in this order.
var providerSections = []string{
	"Register", "Caddyfile", "Claims", "Groups", "MFA and step-up", "Renewal", "Sign-out", "Known oddities",
}

var (
	heading = regexp.MustCompile(`(?m)^## (.+)$`)
	// howKnown begins a page: from where it is known, and when. Both name a version.
	howKnown  = regexp.MustCompile(`^# (.+)\n\n\*\*(Run by us|From its documentation)\*\*(?s:(.*?))\n\n`)
	date      = regexp.MustCompile(`\b20[0-9]{2}-[01][0-9]-[0-3][0-9]\b`)
	release   = regexp.MustCompile(`\b[0-9]+\.[0-9]+(\.[0-9]+)?\b`)
	ownSource = regexp.MustCompile(`\]\((https://[^)\s]+)\)`)
)

// Each page of a provider has its sections, says from where it is known, when and of which version, has a Caddyfile of its own
// (which TestExampleCaddyfilesAreValid loads), names the address to register and a source, and is in the index.
func TestPagesOfProviders(t *testing.T) {
	index := read(t, providersDocument)
	_, trial, _ := strings.Cut(index, "<!-- providers: written by `make providers` -->\n")
	trial, _, _ = strings.Cut(trial, "<!-- providers: end -->")
	pages, err := filepath.Glob("docs/providers/*.md")
	if err != nil || len(pages) < 18 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, page := range pages {
		t.Run(filepath.Base(page), func(t *testing.T) {
			text := read(t, page)
			for _, fault := range providerPageFaults(text, trial) {
				t.Error(fault)
			}
			checkListed(t, index, "providers", page, strings.Contains(text, "**Run by us**"))
		})
	}
}

// pageFaults returns how the page of a program is known, and what is wrong with it, which holds for all such pages: its sections,
// from where it is known, when and of which version, and its source.
func pageFaults(text string, want []string) (known, faults []string) {
	var sections []string
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		sections = append(sections, m[1])
	}
	if !slices.Equal(sections, want) {
		faults = append(faults, "has the sections "+strings.Join(sections, ", "))
	}
	if known = howKnown.FindStringSubmatch(text); known == nil {
		return nil, append(faults, "does not say at its beginning from where it is known")
	}
	if !date.MatchString(known[3]) {
		faults = append(faults, "names no date")
	}
	if !release.MatchString(known[3]) && !strings.Contains(known[3], "Version: ") {
		faults = append(faults, "names no version")
	}
	if known[2] == "From its documentation" && !ownSource.MatchString(text) {
		faults = append(faults, "names no source")
	}
	return known, faults
}

// checkListed fails if the index does not list a page of its folder, or says otherwise of how it is known.
func checkListed(t *testing.T, index, folder, page string, run bool) {
	t.Helper()
	for _, line := range strings.Split(index, "\n") {
		if !strings.HasPrefix(line, "| [") || !strings.Contains(line, "]("+folder+"/"+filepath.Base(page)+") |") {
			continue
		}
		if said := strings.HasSuffix(line, "| run by us |"); said != run {
			t.Errorf("the index says otherwise: %s", line)
		}
		return
	}
	t.Error("the index does not list it")
}

// providerPageFaults returns what is wrong with the text of a page. trial is the table of `make providers`.
func providerPageFaults(text, trial string) (faults []string) {
	known, faults := pageFaults(text, providerSections)
	if known == nil {
		return faults
	}
	said := known[3]
	if strings.Contains(said, "make providers") {
		column := known[1] + " " + release.FindString(said)
		if known[2] == "Run by us" && !strings.Contains(trial, column) {
			faults = append(faults, "was not run by `make providers` as "+column)
		}
		if when := date.FindString(trial); date.FindString(said) != when {
			faults = append(faults, "`make providers` was run on "+when)
		}
	}
	if !strings.Contains(text, "```caddyfile\n{\n\tlatchkey {\n\t\tprovider ") || !strings.Contains(text, "\t\t\tissuer ") {
		faults = append(faults, "has no whole Caddyfile with a provider")
	}
	if !strings.Contains(text, "/.latchkey/callback") {
		faults = append(faults, "does not name the address to register")
	}
	return faults
}

func TestFaultsOfProviderPages(t *testing.T) {
	good := read(t, "docs/providers/ory-hydra.md")
	_, rest, _ := strings.Cut(good, "Ory Hydra 2.3.0, on ")
	when := rest[:len("2026-11-29")]
	trial := "Run on " + when + ".\n\n| | Ory Hydra 2.3.0 |"
	if faults := providerPageFaults(good, trial); len(faults) > 0 {
		t.Fatalf("a good page: %q", faults)
	}
	for change, want := range map[[2]string]string{
		{"## Renewal", "## Renewals"}:                   "has the sections",
		{"**Run by us**", "Run by us"}:                  "does not say",
		{"on " + when, "lately"}:                        "names no date",
		{"Ory Hydra 2.3.0, on", "Ory Hydra, on"}:        "names no version",
		{"Hydra 2.3.0, on", "Hydra 2.4.0, on"}:          "was not run by",
		{"on " + when, "on 2026-11-28"}:                 "was run on " + when,
		{"\t\t\tissuer", "\t\t\t# issuer"}:              "no whole Caddyfile",
		{"/.latchkey/callback", "/oauth2/callback"}:     "address to register",
		{"**Run by us**", "**From its documentation**"}: "",
	} {
		faults := providerPageFaults(strings.ReplaceAll(good, change[0], change[1]), trial)
		if !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, want) }) && want != "" || want == "" && len(faults) > 0 {
			t.Errorf("%q for %q: %q", change[1], change[0], faults)
		}
	}
	bare := ownSource.ReplaceAllString(strings.ReplaceAll(good, "**Run by us**", "**From its documentation**"), "]")
	if faults := providerPageFaults(bare, trial); !slices.Contains(faults, "names no source") {
		t.Errorf("without a source: %q", faults)
	}
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// Each link from one document to another leads to a heading that is there.
func TestLinksBetweenDocuments(t *testing.T) {
	links := 0
	for _, page := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			target, fragment, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, ":") {
				continue
			}
			to := page
			if target != "" {
				to = path.Join(path.Dir(page), target)
			}
			links++
			info, err := os.Stat(to)
			switch {
			case err != nil:
				t.Errorf("%s: %s is not there", page, m[1])
			case fragment != "" && !info.IsDir() && filepath.Ext(to) == ".md" && !slices.Contains(anchors(read(t, to)), fragment):
				t.Errorf("%s: %s has no such heading", page, m[1])
			}
		}
	}
	if links < 100 {
		t.Errorf("only %d links were found", links)
	}
}

var (
	anyHeading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	codeFence  = regexp.MustCompile("(?ms)^```.*?^```$")
	inAnchor   = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors returns the anchors that forges make of the headings of a document.
func anchors(text string) (names []string) {
	seen := map[string]int{}
	for _, m := range anyHeading.FindAllStringSubmatch(codeFence.ReplaceAllString(text, ""), -1) {
		title := link.ReplaceAllString(m[1], "]")
		name := strings.ReplaceAll(inAnchor.ReplaceAllString(strings.ToLower(title), ""), " ", "-")
		if n := seen[name]; n > 0 {
			names = append(names, name+"-"+string(rune('0'+n)))
		} else {
			names = append(names, name)
		}
		seen[name]++
	}
	return names
}
