package latchkey_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxLines is the ceiling for a Go file: what one can read in one sitting.
const maxLines = 400

// Code that only decides is told what time it is. `session` takes the clock as a field, so it may name time.Now as
// that field's default; it may not call it.
func TestClockIsInjected(t *testing.T) {
	for _, p := range list(t, "./policy/...", "./session", "./session/keyring", "./session/internal/...", "./session/pending", "./session/refresh") {
		for _, name := range p.GoFiles {
			file := parse(t, filepath.Join(p.Dir, name))
			called := map[ast.Expr]bool{}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					called[n.Fun] = true
				case *ast.SelectorExpr:
					if readsClock(n) && (called[n] || under(p.path(), "policy")) {
						t.Errorf("%s: time.%s; take the time as a value", filepath.Join(p.path(), name), n.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

func readsClock(s *ast.SelectorExpr) bool {
	base, ok := s.X.(*ast.Ident)
	return ok && base.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick"}, s.Sel.Name)
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range list(t, "./...") {
		if len(p.GoFiles) == 0 {
			continue
		}
		documented := 0
		for _, name := range p.GoFiles {
			if strings.TrimSpace(parse(t, filepath.Join(p.Dir, name)).Doc.Text()) != "" {
				documented++
			}
		}
		if documented != 1 {
			t.Errorf("%s has %d package comments, want one", p.ImportPath, documented)
		}
	}
}

// In a package with more than ten files doc.go says which is about what, and names no file that is gone.
func TestDocNamesTheFiles(t *testing.T) {
	for _, p := range list(t, "./...") {
		if len(p.GoFiles) <= 10 || strings.HasPrefix(p.path(), "test") {
			continue
		}
		doc, err := os.ReadFile(filepath.Join(p.Dir, "doc.go"))
		if err != nil {
			t.Fatal(err)
		}
		named := map[string]bool{"doc.go": true}
		for _, name := range regexp.MustCompile(`\b[a-z0-9_]+\.go\b`).FindAllString(string(doc), -1) {
			named[name] = true
			if _, err := os.Stat(filepath.Join(p.Dir, name)); err != nil {
				t.Errorf("%s: doc.go names %s, which is not there", p.path(), name)
			}
		}
		for _, name := range p.GoFiles {
			if !named[name] {
				t.Errorf("%s: doc.go does not say what %s is about", p.path(), name)
			}
		}
	}
}

func TestFilesFitInOneRead(t *testing.T) {
	for path, p := range goFiles(t) {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(source, []byte("\n")); lines > maxLines {
			t.Errorf("%s has %d lines, at most %d", filepath.Join(p.path(), filepath.Base(path)), lines, maxLines)
		}
	}
}

// Names like these say where code was put, not what it is about.
func TestNamesHaveATopic(t *testing.T) {
	vague := []string{"util", "utils", "helper", "helpers", "common", "misc", "types", "base", "shared"}
	for path, p := range goFiles(t) {
		topic := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), ".go"), "_test")
		if slices.Contains(vague, topic) || slices.Contains(vague, filepath.Base(p.Dir)) {
			t.Errorf("%s: name it after its topic", filepath.Join(p.path(), filepath.Base(path)))
		}
	}
}

// goFiles returns every Go file of the module with its package, tests included.
func goFiles(t *testing.T) map[string]pkg {
	t.Helper()
	files := map[string]pkg{}
	for _, p := range list(t, "./...") {
		for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
			files[filepath.Join(p.Dir, name)] = p
		}
	}
	return files
}

func parse(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
