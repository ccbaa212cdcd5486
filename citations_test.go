package latchkey_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const ruleLetter = `([KXPRFBLOWTADV])` // of the letters that rules have

func TestTagsInText(t *testing.T) {
	for _, c := range []struct {
		text, want string
	}{
		{"TestYes holds K5 and X4: no lifetime (X7).", "K5 X4 X7"},
		{"K1 to K3 and K6: the prompt", "K1 K2 K3 K6"},
		{"A01, A13; see A83.", "A01 A13 A83"},
		{"Field trial 1.8, 1.32, 4.9 and 4.10: HTTP/1.0 is another number", "1.8 1.32 4.9 4.10"},
		{"(issue 9, point 3; D1; field trial 1.2, 3.6) and 1.5", "D1 1.2 3.6"},
		{"P-256, P256, A256GCM, SHA1, UTF8, T10s, B2B, W3C, x86, R, 10", ""},
		{"/emoji/%F0%9F%98%80 and \\A4 and a-A4 and A4-a and A4.5 and K1=2", ""},
		{"K0, A00", ""},
	} {
		got := tags(c.text)
		slices.Sort(got)
		want := strings.Fields(c.want)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", c.text, got, want)
		}
	}
}

func TestTagsOfCase(t *testing.T) {
	for text, want := range map[string]string{
		"K5: the cookie has a lifetime": "K5",
		"K9 K10: no prompt":             "K10 K9",
		"K2":                            "",
		"X11; Fedora; Linux x86_64":     "",
	} {
		if got := strings.Join(tagsOfCase(text), " "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// cited is one rule as the code cites it.
type cited struct {
	where string   // one place
	tests []string // by name; with the folder in front where two packages have a test of the name
}

var (
	// tag is a citation in running text. What stands beside it must be what stands beside a word there, so that no name of a
	// curve, no user agent and no percent-encoding is one.
	tag = regexp.MustCompile(`(?:^|[\s(])` + ruleLetter + `(0?[1-9]|[1-9][0-9])(?: to ` + ruleLetter + `([1-9][0-9]?))?` +
		`(?:[:,)]|[.;]?(?:\s|$))`)
	// trial is a citation of the field trial, with the numbers that follow at once.
	trial = regexp.MustCompile(`(?i)field trial ([1-9]\.[0-9]+(?:(?:,| and) [1-9]\.[0-9]+)*)`)
	// named is a test that has its rule in its name.
	named  = regexp.MustCompile(`^(?:Test|Fuzz)(` + ruleLetter + `[0-9]{1,2})[A-Z]`)
	number = regexp.MustCompile(`[1-9]\.[0-9]+`)

	testName = regexp.MustCompile(`^(?:Test|Fuzz)[A-Z0-9]`)
)

// tags are the rules that a comment or the name of a case cites, a range as all of its members.
func tags(text string) []string {
	text = strings.Join(strings.Fields(text), " ")
	var found []string
	for at := 0; at < len(text); {
		m := tag.FindStringSubmatchIndex(text[at:])
		if m == nil {
			break
		}
		part := func(i int) string {
			if m[2*i] < 0 {
				return ""
			}
			return text[at+m[2*i] : at+m[2*i+1]]
		}
		found = append(found, part(1)+part(2))
		if first, err := strconv.Atoi(part(2)); err == nil && part(3) == part(1) {
			last, _ := strconv.Atoi(part(4))
			for n := first + 1; n <= last; n++ {
				found = append(found, part(1)+strconv.Itoa(n))
			}
		}
		at += m[1] - 1 // what ends one may begin the next
	}
	for _, m := range trial.FindAllStringSubmatch(text, -1) {
		found = append(found, number.FindAllString(m[1], -1)...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// tagsOfCase are the rules that a string of a test cites. One word is a value, such as a user called K2, and no citation. Nor
// is a user agent, which names the window system X11 with a semicolon after it.
func tagsOfCase(text string) []string {
	if !strings.ContainsRune(text, ' ') {
		return nil
	}
	return tags(strings.ReplaceAll(text, ";", "_"))
}

// citation is one mention of a rule.
type citation struct {
	tag, path string
	test      string // in which it stands; empty if in none
}

// cites reads every Go file of the repository but this one.
func cites(t *testing.T) map[string]*cited {
	t.Helper()
	packages := map[string][]goFile{} // by folder
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go" || path == "citations_test.go":
			return nil
		}
		path = filepath.ToSlash(path)
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(path))
		packages[folder] = append(packages[folder], goFile{path, file})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	folders := map[string]int{} // that have a test of the name
	for _, files := range packages {
		for _, s := range files {
			for _, d := range s.file.Decls {
				if name := s.test(d); name != "" {
					folders[name]++
				}
			}
		}
	}
	all := map[string]*cited{}
	for _, folder := range slices.Sorted(maps.Keys(packages)) {
		users := testsOf(packages[folder])
		for _, s := range packages[folder] {
			for _, c := range s.citations() {
				if all[c.tag] == nil {
					all[c.tag] = &cited{where: c.path}
				}
				for _, name := range users[c.test] {
					if folders[name] > 1 {
						name = folder + "." + name
					}
					all[c.tag].tests = append(all[c.tag].tests, name)
				}
			}
		}
	}
	for _, c := range all {
		slices.Sort(c.tests)
		c.tests = slices.Compact(c.tests)
	}
	return all
}

// testsOf says for each test, function and table of a package's test files which tests use it. A test uses itself. What more
// than four tests use is about how they begin, so it cites for none of them.
func testsOf(files []goFile) map[string][]string {
	uses := map[string][]string{}
	var tests []string
	for _, s := range files {
		for _, d := range s.file.Decls {
			if !s.testing() {
				continue
			}
			if name := s.test(d); name != "" {
				tests = append(tests, name)
			}
			for _, name := range declared(d) {
				ast.Inspect(d, func(n ast.Node) bool {
					if id, ok := n.(*ast.Ident); ok {
						uses[name] = append(uses[name], id.Name)
					}
					return true
				})
			}
		}
	}
	users := map[string][]string{}
	for _, test := range tests {
		seen := map[string]bool{}
		for next := []string{test}; len(next) > 0; next = next[1:] {
			if name := next[0]; !seen[name] && uses[name] != nil {
				seen[name] = true
				users[name] = append(users[name], test)
				next = append(next, uses[name]...)
			}
		}
	}
	for name, of := range users {
		if len(of) > 4 {
			delete(users, name)
		}
	}
	return users
}

// declared are the functions, methods, variables and constants of a declaration.
func declared(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return []string{d.Name.Name}
	case *ast.GenDecl:
		var names []string
		for _, s := range d.Specs {
			if v, ok := s.(*ast.ValueSpec); ok {
				for _, id := range v.Names {
					names = append(names, id.Name)
				}
			}
		}
		return names
	}
	return nil
}

type goFile struct {
	path string
	file *ast.File
}

func (s goFile) testing() bool { return strings.HasSuffix(s.path, "_test.go") }

// test is the name of a test, or empty.
func (s goFile) test(d ast.Decl) string {
	if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && s.testing() && testName.MatchString(f.Name.Name) {
		return f.Name.Name
	}
	return ""
}

// citations are those in comments. In tests and below `test` they are also those in the names of tests and of their cases.
func (s goFile) citations() []citation {
	var found []citation
	add := func(pos token.Pos, tags ...string) {
		for _, tag := range tags {
			c := citation{tag: tag, path: s.path}
			if s.testing() {
				c.test = s.around(pos)
			}
			found = append(found, c)
		}
	}
	for _, c := range s.file.Comments {
		add(c.Pos(), tags(c.Text())...)
	}
	if !s.testing() && !strings.HasPrefix(s.path, "test/") {
		return found
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil {
				add(n.Pos(), tagsOfCase(text)...)
			}
		case *ast.FuncDecl:
			if m := named.FindStringSubmatch(n.Name.Name); m != nil {
				add(n.Pos(), m[1])
			}
		}
		return true
	})
	return found
}

// around is the name of the declaration, its comment included, in which a place is. Empty: none.
func (s goFile) around(pos token.Pos) string {
	for _, d := range s.file.Decls {
		begin := d.Pos()
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Doc != nil {
				begin = d.Doc.Pos()
			}
		case *ast.GenDecl:
			if d.Doc != nil {
				begin = d.Doc.Pos()
			}
		}
		if names := declared(d); begin <= pos && pos < d.End() && len(names) > 0 {
			return names[0]
		}
	}
	return ""
}
