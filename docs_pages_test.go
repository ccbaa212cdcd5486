package latchkey_test

import (
	"fmt"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const documentsIndex = "docs/README.md"

// listItem is a document in the list of documents: the link at the beginning of an item. What else the item links is no entry.
var listItem = regexp.MustCompile(`(?m)^- \[[^\]]+\]\(([^)#]+)\)`)

// Each document is in the list of all documents, or in the page of its folder: docs/providers.md for docs/providers/. The site has
// its sidebar from there.
func TestEveryDocumentIsListed(t *testing.T) {
	listed := map[string]bool{documentsIndex: true}
	for _, m := range listItem.FindAllStringSubmatch(read(t, documentsIndex), -1) {
		to := path.Join(path.Dir(documentsIndex), m[1])
		listed[to] = true
		folder := strings.TrimSuffix(to, ".md") + "/"
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			continue
		}
		for _, below := range linkedFrom(t, to) {
			if strings.HasPrefix(below, folder) {
				listed[below] = true
			}
		}
	}
	for _, page := range documents(t) {
		if !listed[page] {
			t.Errorf("%s is not listed in %s, nor in the page of its folder", page, documentsIndex)
		}
	}
}

// linkedFrom returns the documents to which a document leads.
func linkedFrom(t *testing.T, page string) (targets []string) {
	t.Helper()
	for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
		target, _, _ := strings.Cut(m[1], "#")
		if path.Ext(target) == ".md" && !strings.Contains(target, ":") {
			targets = append(targets, path.Join(path.Dir(page), target))
		}
	}
	return targets
}

// describes is the last line of a document: which version it describes, and when it was last held against the program.
var describes = regexp.MustCompile(`\n\n\*For Latchkey ([0-9]+)\.([0-9]+)\. Last checked on (20[0-9]{2}-[01][0-9]-[0-3][0-9])\.\*\n$`)

// Each document names the version that it describes and the day on which it was last checked. That stays true when time goes on:
// a document that was not checked for more than one version says so by its line, and fails here. The version is that of the list of
// documents; the history of versions has its own. With -update a new document gets one of
// today.
func TestDocumentsNameVersionAndDate(t *testing.T) {
	current := describes.FindStringSubmatch(read(t, documentsIndex))
	if current == nil {
		t.Fatalf("%s has no last line such as *For Latchkey 0.1. Last checked on 2026-11-30.*", documentsIndex)
	}
	for _, page := range documents(t) {
		if page == "CHANGELOG.md" {
			continue
		}
		text := read(t, page)
		if *update && describes.FindString(text) == "" {
			text = fmt.Sprintf("%s\n\n*For Latchkey %s.%s. Last checked on %s.*\n", strings.TrimRight(text, "\n"), current[1], current[2], time.Now().Format(time.DateOnly))
			if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if fault := staleness(text, current, time.Now()); fault != "" {
			t.Errorf("%s %s", page, fault)
		}
	}
}

// staleness says what is wrong with the last line of a document.
func staleness(text string, current []string, now time.Time) string {
	is := describes.FindStringSubmatch(text)
	if is == nil {
		return "has no last line with version and date; run `go test . -run TestDocumentsNameVersionAndDate -update`"
	}
	day, err := time.Parse(time.DateOnly, is[3])
	switch minor, newest := minorOf(is), minorOf(current); {
	case err != nil:
		return "names a day that there is not"
	case day.After(now.AddDate(0, 0, 1)):
		return "was checked in the future"
	case is[1] != current[1] || minor > newest:
		return "describes another version than " + documentsIndex
	case newest-minor > 1:
		return "was not checked for more than one version"
	}
	return ""
}

// minorOf is the second number of a version.
func minorOf(version []string) int {
	n, err := strconv.Atoi(version[2])
	if err != nil {
		return -1
	}
	return n
}

func TestStaleness(t *testing.T) {
	now := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	current := []string{"", "0", "3", "2027-01-01"}
	for line, want := range map[string]string{
		"\n\n*For Latchkey 0.3. Last checked on 2027-01-02.*\n":       "",
		"\n\n*For Latchkey 0.2. Last checked on 2026-01-02.*\n":       "",
		"\n\n*For Latchkey 0.1. Last checked on 2026-01-02.*\n":       "more than one version",
		"\n\n*For Latchkey 0.4. Last checked on 2026-01-02.*\n":       "another version",
		"\n\n*For Latchkey 1.3. Last checked on 2026-01-02.*\n":       "another version",
		"\n\n*For Latchkey 0.3. Last checked on 2027-01-12.*\n":       "in the future",
		"\n\n*For Latchkey 0.3. Last checked on 2026-02-31.*\n":       "a day that there is not",
		"\n\n*For Latchkey 0.3. Last checked on 2026-01-02.*\nmore\n": "no last line",
		"\n\n*For Latchkey 0.3.*\n":                                   "no last line",
	} {
		got := staleness("# Page"+line, current, now)
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

var (
	address = regexp.MustCompile(`\]\((https?:[^)\s]*)\)|<(https?:[^>\s]*)>`)
	image   = regexp.MustCompile(`<img src="([^"]+)"([^>]*)>`)
)

// Links to elsewhere cannot be followed by a test. They are at least addresses: https, of a host with a name, without a user, and
// plain http for this machine alone. Pictures are there and say in words what they show.
func TestLinksToElsewhere(t *testing.T) {
	links, images := 0, 0
	for _, page := range documents(t) {
		text := read(t, page)
		for _, m := range address.FindAllStringSubmatch(text, -1) {
			links++
			if fault := elsewhere(m[1] + m[2]); fault != "" {
				t.Errorf("%s: %s: %s", page, m[1]+m[2], fault)
			}
		}
		for _, m := range image.FindAllStringSubmatch(text, -1) {
			images++
			if _, err := os.Stat(path.Join(path.Dir(page), m[1])); err != nil || !strings.HasPrefix(m[1], "./") {
				t.Errorf("%s: the picture %s is not there, or does not begin with ./ (%v)", page, m[1], err)
			}
			if !strings.Contains(m[2], `alt="`) || strings.Contains(m[2], `alt=""`) {
				t.Errorf("%s: the picture %s has no alt", page, m[1])
			}
		}
	}
	if links < 60 || images < 5 {
		t.Errorf("only %d links and %d pictures were found", links, images)
	}
}

func elsewhere(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return err.Error()
	case u.User != nil:
		return "has a user"
	case u.Scheme == "http" && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1":
		return "is plain http"
	case u.Scheme == "https" && !strings.Contains(u.Hostname(), "."):
		return "has no host"
	case slices.Contains([]string{"utm_source", "utm_medium", "utm_campaign"}, strings.Split(u.RawQuery, "=")[0]):
		return "tracks"
	}
	return ""
}

func TestElsewhere(t *testing.T) {
	for link, good := range map[string]bool{
		"https://example.com/a#b": true, "http://localhost:8080": true, "http://example.com": false, "https://a@example.com": false,
		"https:///x": false, "https://%zz": false, "https://example.com/?utm_source=x": false,
	} {
		if fault := elsewhere(link); (fault == "") != good {
			t.Errorf("%s: %q", link, fault)
		}
	}
}
