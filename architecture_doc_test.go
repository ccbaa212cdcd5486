package latchkey_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const architectureDoc = "docs/architecture.md"

var inBackticks = regexp.MustCompile("`([^`\n]+)`")

// namedIn returns what stands in backticks in a document.
func namedIn(t *testing.T, document string) (names []string) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range inBackticks.FindAllSubmatch(text, -1) {
		names = append(names, string(found[1]))
	}
	return names
}

// isPath tells whether a name in the document is a file or a package. What begins with a slash is the path of a request.
func isPath(name string) bool {
	return !strings.HasPrefix(name, "/") && (strings.Contains(name, "/") || strings.HasSuffix(name, ".go"))
}

// isRoom tells whether a package has to be named: all but tests, benchmarks and what only tests import.
func isRoom(path string) bool {
	return path != "" && !under(path, "test") && !under(path, "bench") && !under(path, "findings") && !strings.HasSuffix(path, "test")
}

func TestArchitectureNamesWhatExists(t *testing.T) {
	paths := 0
	for _, name := range namedIn(t, architectureDoc) {
		if !isPath(name) {
			continue
		}
		paths++
		if _, err := os.Stat(name); err != nil {
			t.Errorf("%s names %s, which does not exist", architectureDoc, name)
		}
	}
	if paths < 100 {
		t.Errorf("only %d files and packages were found in %s", paths, architectureDoc)
	}
}

func TestArchitectureNamesEveryPackage(t *testing.T) {
	named, drawn := namedIn(t, architectureDoc), drawnTexts(t, "docs/architecture.svg")
	for _, p := range list(t, "./...") {
		path := p.path()
		if !isRoom(path) {
			continue
		}
		if !slices.Contains(named, path) {
			t.Errorf("%s does not name the package %s", architectureDoc, path)
		}
		// A box has the end of the path of its package. The parties of the demo share one box, and so do the programs of migrate.
		inDrawing := func(text string) bool { return text != "" && strings.HasSuffix("/"+path, "/"+text) }
		if !under(path, "cmd/latchkey/demo") && !strings.HasPrefix(path, "caddymodule/migrate/") && !slices.ContainsFunc(drawn, inDrawing) {
			t.Errorf("docs/architecture.svg has no box for the package %s", path)
		}
	}
}

// drawnTexts returns the text elements of a drawing.
func drawnTexts(t *testing.T, drawing string) (texts []string) {
	t.Helper()
	data, err := os.ReadFile(drawing)
	if err != nil {
		t.Fatal(err)
	}
	for decoder := xml.NewDecoder(bytes.NewReader(data)); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, is := token.(xml.StartElement); is && start.Name.Local == "text" {
			var text string
			if err := decoder.DecodeElement(&text, &start); err != nil {
				t.Fatal(err)
			}
			texts = append(texts, text)
		}
	}
}
