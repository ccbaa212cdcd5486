package latchkey_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	namedTest    = regexp.MustCompile("`(Test[A-Za-z0-9_]+)`")
	declaredTest = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(t `)
)

// Each mechanism of docs/threat-model.md names a test, and each test that it names exists.
func TestThreatsNameTests(t *testing.T) {
	exist := testNames(t)
	held, _, ok := strings.Cut(read(t, "docs/threat-model.md"), "\n## What is not held off\n")
	if !ok {
		t.Fatal("the document does not say what is not held off")
	}
	rows := 0
	for line := range strings.Lines(held) {
		cells := strings.Split(line, " | ")
		if len(cells) != 3 || strings.HasSuffix(strings.TrimSpace(line), "| tests |") {
			continue
		}
		rows++
		named := namedTest.FindAllStringSubmatch(cells[2], -1)
		if len(named) == 0 {
			t.Errorf("names no test: %s", cells[0])
		}
		for _, name := range named {
			if !slices.Contains(exist, name[1]) {
				t.Errorf("%s does not exist: %s", name[1], cells[0])
			}
		}
	}
	if rows < 30 {
		t.Errorf("only %d rows were found", rows)
	}
}

// testNames are all tests of the repository, those with a build tag included.
func testNames(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git"):
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(path)
		for _, found := range declaredTest.FindAllSubmatch(source, -1) {
			names = append(names, string(found[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
