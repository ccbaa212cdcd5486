package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

func main() {
	only := flag.String("only", "", "the guards whose rule matches this expression alone")
	place := flag.Bool("place", false, "only find the guards; run no test")
	compile := flag.Bool("compile", false, "only compile the packages of the broken guards, in some minutes; run no test")
	part := flag.String("part", "1/1", "which part of the guards, such as 2/3")
	from := flag.Int("from", 1, "the number of the guard to begin with, to go on with a run that was stopped")
	limit := flag.Duration("limit", 10*time.Minute, "how long the tests of one package may take")
	flag.Parse()
	var nth, of int
	if n, err := fmt.Sscanf(*part, "%d/%d", &nth, &of); n != 2 || err != nil || nth < 1 || nth > of {
		fmt.Fprintln(os.Stderr, "mutate: not a part:", *part)
		os.Exit(2)
	}
	var chosen []guard
	for i, g := range guards {
		if i%of == nth-1 && i+1 >= *from {
			chosen = append(chosen, g)
		}
	}
	if err := run(chosen, *only, *place, *compile, *limit); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(guards []guard, only string, place, compile bool, limit time.Duration) error {
	which, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	root, err := copyModule()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(root) }()
	m := &module{root: root, limit: limit, compile: compile}
	if err := m.read(); err != nil {
		return err
	}
	killed, survived, unplaced := 0, 0, 0
	for _, g := range guards {
		if !which.MatchString(g.rule) {
			continue
		}
		file, err := m.find(g.text)
		if err != nil {
			unplaced++
			fmt.Printf("NOT FOUND  %s: %v\n", g.rule, err)
			continue
		}
		if place {
			fmt.Printf("found      %s: %s\n", g.rule, file)
			continue
		}
		began := time.Now()
		by, err := m.breakGuard(file, g)
		switch {
		case err != nil:
			unplaced++
			fmt.Printf("NOT BROKEN %s: %v\n", g.rule, err)
		case compile:
			fmt.Printf("compiles   %s: %s\n", g.rule, file)
		case by == "":
			survived++
			fmt.Printf("SURVIVED   %s: %s\n", g.rule, file)
		default:
			killed++
			fmt.Printf("killed     %s: by %s in %v\n", g.rule, by, time.Since(began).Round(time.Second))
		}
	}
	if !place && !compile {
		fmt.Printf("%d killed, %d survived, %d could not be tried\n", killed, survived, unplaced)
	}
	if survived+unplaced > 0 {
		return errors.New("not every guard is held by a test")
	}
	return nil
}

// copyModule copies what git knows of the module to a new folder.
func copyModule() (string, error) {
	root, err := os.MkdirTemp("", "latchkey-mutate-")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("sh", "-c", `git ls-files -z | tar --null --files-from=- -cf - | tar -xf - -C "$0"`, root) //nolint:gosec // a fixed script
	cmd.Stderr = os.Stderr
	return root, cmd.Run()
}

// module is the copy.
type module struct {
	root  string
	limit time.Duration
	// compile has the packages of broken guards compiled alone.
	compile bool
	files   map[string]string   // path below root, text: product files
	users   map[string][]string // package folder, folders of the packages that import it, in their tests as well
}

func (m *module) read() error {
	if err := m.readFiles(); err != nil {
		return err
	}
	return m.readUsers()
}

func (m *module) readFiles() error {
	m.files = map[string]string{}
	return filepath.WalkDir(m.root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && (e.Name() == "node_modules" || e.Name() == ".git") {
			return fs.SkipDir
		}
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path) //nolint:gosec // a file of the copy
		if err != nil {
			return err
		}
		name, err := filepath.Rel(m.root, path)
		if !strings.HasPrefix(name, "test"+string(filepath.Separator)) {
			m.files[name] = string(text)
		}
		return err
	})
}

func (m *module) readUsers() error {
	m.users = map[string][]string{}
	const imports = `{{$m := .Module.Path}}{{.Dir}}{{range .Imports}} {{.}}{{end}}{{range .TestImports}} {{.}}{{end}}{{range .XTestImports}} {{.}}{{end}}`
	out, err := m.goCommand(context.Background(), "list", "-f", "{{.ImportPath}} "+imports, "./...")
	if err != nil {
		return fmt.Errorf("listing packages: %w\n%s", err, out)
	}
	folder := map[string]string{}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for _, line := range lines {
		f := strings.Fields(line)
		if folder[f[0]], err = filepath.Rel(m.root, f[1]); err != nil {
			return err
		}
	}
	for _, line := range lines {
		f := strings.Fields(line)
		here := folder[f[0]]
		if here == "test" || strings.HasPrefix(here, "test"+string(filepath.Separator)) || here == "." || here == "bench" || strings.HasPrefix(here, "bench"+string(filepath.Separator)) {
			continue
		}
		for _, used := range f[2:] {
			if at, ours := folder[used]; ours && at != here && !slices.Contains(m.users[at], here) {
				m.users[at] = append(m.users[at], here)
			}
		}
	}
	for at, users := range m.users { // the nearest first: a test that holds a guard stands near it
		slices.SortStableFunc(users, func(a, b string) int { return cmp.Compare(shared(at, b), shared(at, a)) })
	}
	return nil
}

// shared is how many folders two paths have in common.
func shared(a, b string) int {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < len(as) && n < len(bs) && as[n] == bs[n] {
		n++
	}
	return n
}

// find returns the one product file that has the text, and has it once.
func (m *module) find(text string) (string, error) {
	found := ""
	for name, content := range m.files {
		switch n := strings.Count(content, text); {
		case n > 1 || n == 1 && found != "":
			return "", fmt.Errorf("more than once in the module: %q", text)
		case n == 1:
			found = name
		}
	}
	if found == "" {
		return "", fmt.Errorf("nowhere in the module: %q", text)
	}
	return found, nil
}

// breakGuard tells which package's tests fail without the guard; none is "". A guard whose replacement does not compile is
// an error.
func (m *module) breakGuard(file string, g guard) (by string, err error) {
	path := filepath.Join(m.root, file)
	if err := os.WriteFile(path, []byte(strings.Replace(m.files[file], g.text, g.with, 1)), 0o600); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.WriteFile(path, []byte(m.files[file]), 0o600)) }()
	here := filepath.Dir(file)
	if m.compile {
		if out, err := m.goCommand(context.Background(), "build", "./"+here); err != nil {
			return "", fmt.Errorf("%s: %w\n%s", here, err, out)
		}
		return "", nil
	}
	for _, dir := range append([]string{here}, m.users[here]...) {
		ctx, cancel := context.WithTimeout(context.Background(), m.limit)
		out, err := m.goCommand(ctx, "test", "-vet=off", "-failfast", "./"+dir)
		cancel()
		switch {
		case err != nil && (strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]")):
			return "", fmt.Errorf("%s: %w\n%s", dir, err, out)
		case err != nil:
			return dir, nil
		}
	}
	return "", nil
}

func (m *module) goCommand(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // arguments of this program's own
	cmd.Dir = m.root
	out, err := cmd.CombinedOutput()
	return string(out), err
}
