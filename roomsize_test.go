package latchkey_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// size is how large a package is to read.
type size struct {
	files   int // that are no tests
	knot    int // files of the largest set in which each reaches each other
	methods int // of the type that has most
}

// most is what a newcomer can hold in the head. It holds for every package.
var most = size{files: 25, knot: 12, methods: 40}

// A file reaches another one that declares a function, type, variable, constant, method or field which it uses.
func TestHouse(t *testing.T) {
	packages, importing := checked(t)
	for _, p := range packages {
		s := measure(t, p, importing)
		t.Logf("%-40s %3d files, %3d in a knot (%s), %3d methods of %s", p.path(), s.files, s.knot, strings.Join(s.tied, " "), s.methods, s.widest)
		if s.files > most.files {
			t.Errorf("%s has %d files, at most %d", p.path(), s.files, most.files)
		}
		if s.knot > most.knot {
			t.Errorf("%s: %d files reach each other, at most %d: %s", p.path(), s.knot, most.knot, strings.Join(s.tied, " "))
		}
		if s.methods > most.methods {
			t.Errorf("%s: %s has %d methods, at most %d", p.path(), s.widest, s.methods, most.methods)
		}
	}
}

type measured struct {
	size
	tied   []string // the files of the knot
	widest string   // the type with most methods
}

func measure(t *testing.T, p pkg, importing types.Importer) measured {
	t.Helper()
	fset := token.NewFileSet()
	files := make([]*ast.File, len(p.GoFiles))
	for i, name := range p.GoFiles {
		file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files[i] = file
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	checks := types.Config{Importer: importing}
	checkedPackage, err := checks.Check(p.ImportPath, fset, files, info)
	if err != nil {
		t.Fatalf("%s: %v", p.ImportPath, err)
	}
	reaches := map[string]map[string]bool{}
	for id, object := range info.Uses {
		if object.Pkg() != checkedPackage {
			continue
		}
		from, to := fset.Position(id.Pos()).Filename, fset.Position(object.Pos()).Filename
		if from != to {
			if reaches[from] == nil {
				reaches[from] = map[string]bool{}
			}
			reaches[from][to] = true
		}
	}
	m := measured{size: size{files: len(p.GoFiles), knot: 1}}
	for _, knot := range knots(reaches) {
		if len(knot) > m.knot {
			m.knot, m.tied = len(knot), knot
		}
	}
	for i, path := range m.tied {
		m.tied[i] = strings.TrimSuffix(filepath.Base(path), ".go")
	}
	slices.Sort(m.tied)
	for _, name := range checkedPackage.Scope().Names() {
		if named, is := checkedPackage.Scope().Lookup(name).(*types.TypeName); is {
			if n, is := named.Type().(*types.Named); is && n.NumMethods() > m.methods {
				m.methods, m.widest = n.NumMethods(), name
			}
		}
	}
	return m
}

// knots returns the strongly connected components of a graph (Tarjan's algorithm).
func knots(reaches map[string]map[string]bool) [][]string {
	var (
		found    [][]string
		stack    []string
		index    = map[string]int{}
		low      = map[string]int{}
		on       = map[string]bool{}
		visit    func(string)
		ordering = slices.Sorted(maps.Keys(reaches))
	)
	visit = func(node string) {
		index[node] = len(index) + 1
		low[node] = index[node]
		stack, on[node] = append(stack, node), true
		for next := range reaches[node] {
			if index[next] == 0 {
				visit(next)
				low[node] = min(low[node], low[next])
			} else if on[next] {
				low[node] = min(low[node], index[next])
			}
		}
		if low[node] != index[node] {
			return
		}
		from := slices.Index(stack, node)
		found = append(found, slices.Clone(stack[from:]))
		for _, member := range stack[from:] {
			on[member] = false
		}
		stack = stack[:from]
	}
	for _, node := range ordering {
		if index[node] == 0 {
			visit(node)
		}
	}
	return found
}

// checked returns the packages of the module, and an importer for whatever they import: by what the compiler wrote.
func checked(t *testing.T) ([]pkg, types.Importer) {
	t.Helper()
	out, err := exec.Command("go", slices.Concat([]string{"list", "-export", "-deps", "-json=ImportPath,Dir,GoFiles,Export"}, raceFlag, []string{"./..."})...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	written := map[string]string{}
	var ours []pkg
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			pkg
			Export string
		}
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		written[p.ImportPath] = p.Export
		if under(p.ImportPath, module) && len(p.GoFiles) > 0 {
			ours = append(ours, p.pkg)
		}
	}
	slices.SortFunc(ours, func(a, b pkg) int { return cmp.Compare(a.ImportPath, b.ImportPath) })
	return ours, importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		if written[path] == "" {
			return nil, fmt.Errorf("no export data of %s", path)
		}
		return os.Open(written[path])
	})
}

func TestKnots(t *testing.T) {
	got := knots(map[string]map[string]bool{
		"a": {"b": true}, "b": {"c": true}, "c": {"a": true, "d": true}, "d": {"e": true}, "e": {"d": true}, "f": {"a": true},
	})
	sizes := map[int]int{}
	for _, knot := range got {
		sizes[len(knot)]++
	}
	if !maps.Equal(sizes, map[int]int{3: 1, 2: 1, 1: 1}) {
		t.Errorf("found %v", got)
	}
}
