package latchkey_test

import (
	"encoding/json"
	"go/ast"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

const reasonsDocument = "docs/reasons.md"

// docs/reasons.md names every word that the code writes in these places, each in the table of its place, and no other.
func TestReasonsAreDocumented(t *testing.T) {
	site, app, signin := source(t, "caddymodule/site"), source(t, "caddymodule/app"), source(t, "session/signin")
	access, account, renew := source(t, "session/signin/access"), source(t, "session/signin/account"), source(t, "session/signin/renew")
	policy, prompt, page := source(t, "policy"), source(t, "session/signin/prompt"), source(t, "session/pages")
	explain, admin := source(t, "caddymodule/explain"), source(t, "caddymodule/adminapi")
	tokens := source(t, "session/bearer")
	document := read(t, reasonsDocument)
	for heading, words := range map[string][]string{
		"Decisions":                         slices.Concat(policy.list("verdictWords"), decisions(t, site)),
		"Reasons of policies":               policy.consts("", "Reason"),
		"Reasons of malformed requests":     append(source(t, "caddymodule/scrub").values("words"), site.consts("ReasonBadRequest", "")...),
		"Results of policies":               policy.list("resultWords"),
		"State of conditional access":       policy.consts("", "Status"),
		"Reasons told to programs":          append(told(t, signin, access, account), tokens.consts("ReasonNoServer", "")...),
		"Reasons of tokens":                 tokens.without("ReasonNoServer", "Reason", "ResultVerified"),
		"Error pages":                       page.consts("Kind", "Kind"),
		"Refusal pages":                     page.consts("Block", "Block"),
		"Codes of the sign-in log":          source(t, "session/signinlog").consts("", "Code"),
		"Limits that end a session":         source(t, "session").consts("By", ""),
		"Why the question was asked":        append(prompt.consts("Reason", ""), account.consts("ReasonOtherBrowser", "")...),
		"Events":                            append(access.consts("Event", ""), site.consts("eventDenied", "")...),
		"Who ended a session":               append(access.consts("By", ""), admin.consts("byAdministrator", "")...),
		"Results of renewals":               renew.consts("Renewal", ""),
		"Results of exchanges":              source(t, "session/signin/accesstoken").consts("Exchange", ""),
		"Results of back-channel sign-outs": signin.consts("SignOut", ""),
		"Results of signals":                source(t, "session/signals").consts("", "Result"),
		"Steps and results of bindings":     access.consts("Binding", ""),
		"Skipped refreshes":                 site.consts("skipped", ""),
		"Endpoints with a rate limit":       limited(t, signin),
		"Results of report-only policies":   site.consts("would", ""),
		"States of the store":               source(t, "session").consts("Store", "State"),
		"States of a provider":              app.consts("provider", ""),
		"Only in explain":                   explain.consts("reason", ""),
	} {
		rows := rowsUnder(t, document, heading)
		if len(words) < 2 {
			t.Errorf("%s: only %q found in the code", heading, words)
		}
		for _, word := range words {
			if len(rows[word]) == 0 {
				t.Errorf("%s: `%s` is written by the code and not in the table", heading, word)
			}
		}
		for word, row := range rows {
			if !slices.Contains(words, word) {
				t.Errorf("%s: `%s` is in the table and not in the code", heading, word)
			}
			for i, cell := range row {
				if strings.TrimSpace(cell) == "" {
					t.Errorf("%s: `%s` has an empty cell %d", heading, word, i+1)
				}
			}
		}
	}
}

// The status and the text of a code are those that the log writes.
func TestDocumentedCodes(t *testing.T) {
	for word, row := range rowsUnder(t, read(t, reasonsDocument), "Codes of the sign-in log") {
		number, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		code := signinlog.Code(number)
		if row[0] != code.Status() {
			t.Errorf("%d is documented as %s and is %s", number, row[0], code.Status())
		}
		if text := code.Reason(); row[1] != text && (text != "" || row[1] != "-") {
			t.Errorf("%d is documented with the text %q and has %q", number, row[1], text)
		}
	}
}

// The status of a page is that of the answer, and its title the one that users read.
func TestDocumentedPages(t *testing.T) {
	var texts map[string]any
	if err := json.Unmarshal([]byte(read(t, "session/pages/text/en.json")), &texts); err != nil {
		t.Fatal(err)
	}
	document := read(t, reasonsDocument)
	for word, row := range rowsUnder(t, document, "Error pages") {
		p := pages.Problem{Kind: pages.Kind(word)}
		if want := strconv.Itoa(p.StatusCode()); row[0] != want {
			t.Errorf("%s is documented with status %s and has %s", word, row[0], want)
		}
		if row[1] != texts[p.Key()+".title"] {
			t.Errorf("%s is documented with the title %q and has %q", word, row[1], texts[p.Key()+".title"])
		}
	}
	for word, row := range rowsUnder(t, document, "Refusal pages") {
		if title := texts[pages.Blocked{Title: pages.Block(word)}.Key()+".title"]; row[0] != title {
			t.Errorf("%s is documented with the title %q and has %q", word, row[0], title)
		}
	}
}

// folder is the product code of a package.
type folder []*ast.File

func source(t *testing.T, dir string) (files folder) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %d files, %v", dir, len(paths), err)
	}
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			files = append(files, parse(t, path))
		}
	}
	return files
}

// declared are the constants or variables that the package declares.
func (f folder) declared(tok token.Token) (specs []*ast.ValueSpec) {
	for _, file := range f {
		for _, decl := range file.Decls {
			if group, ok := decl.(*ast.GenDecl); ok && group.Tok == tok {
				for _, spec := range group.Specs {
					specs = append(specs, spec.(*ast.ValueSpec))
				}
			}
		}
	}
	return specs
}

// consts are the values of the constants whose names begin with prefix; of one type only, unless typ is empty.
func (f folder) consts(prefix, typ string) (values []string) {
	for _, c := range f.declared(token.CONST) {
		named, _ := c.Type.(*ast.Ident)
		if typ != "" && (named == nil || named.Name != typ) {
			continue
		}
		for i, name := range c.Names {
			if i < len(c.Values) && strings.HasPrefix(name.Name, prefix) {
				if value, ok := text(c.Values[i]); ok {
					values = append(values, value)
				}
			}
		}
	}
	return values
}

// without are the values of the constants whose names begin with one of the prefixes, without that of one constant.
func (f folder) without(one string, prefixes ...string) (values []string) {
	for _, prefix := range prefixes {
		values = append(values, f.consts(prefix, "")...)
	}
	left := f.consts(one, "")
	return slices.DeleteFunc(values, func(value string) bool { return slices.Contains(left, value) })
}

// literal is the composite literal that a variable of the package begins with.
func (f folder) literal(name string) *ast.CompositeLit {
	for _, v := range f.declared(token.VAR) {
		if v.Names[0].Name == name && len(v.Values) == 1 {
			literal, _ := v.Values[0].(*ast.CompositeLit)
			return literal
		}
	}
	return new(ast.CompositeLit)
}

// list are the elements of a list of words; values and keys those of a map of words.
func (f folder) list(name string) (words []string) {
	for _, e := range f.literal(name).Elts {
		if word, ok := text(e); ok {
			words = append(words, word)
		}
	}
	return words
}

func (f folder) values(name string) []string {
	return f.pairs(name, func(kv *ast.KeyValueExpr) ast.Expr { return kv.Value })
}

func (f folder) keys(name string) []string {
	return f.pairs(name, func(kv *ast.KeyValueExpr) ast.Expr { return kv.Key })
}

func (f folder) pairs(name string, half func(*ast.KeyValueExpr) ast.Expr) (words []string) {
	for _, e := range f.literal(name).Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if word, ok := text(half(kv)); ok {
				words = append(words, word)
			}
		}
	}
	return words
}

// text is what a literal stands for: a string, or a number as it is written.
func text(e ast.Expr) (string, bool) {
	literal, ok := e.(*ast.BasicLit)
	if !ok {
		return "", false
	}
	if literal.Kind != token.STRING {
		return literal.Value, true
	}
	value, err := strconv.Unquote(literal.Value)
	return value, err == nil
}

// decisions are the decisions on requests that no policy was asked about: what recordOutcome is called with, and what
// the counter of requests is asked for by name.
func decisions(t *testing.T, site folder) (words []string) {
	for _, file := range site {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			switch name := called(call, ok); {
			case name == "recordOutcome" && len(call.Args) == 2:
				words = append(words, site.meaning(t, call.Args[1])...)
			case name == "WithLabelValues" && len(call.Args) == 2:
				if word, ok := text(call.Args[0]); ok {
					words = append(words, word)
				}
			}
			return true
		})
	}
	return words
}

func called(call *ast.CallExpr, ok bool) string {
	if !ok {
		return ""
	}
	return calledName(call)
}

// meaning are the words that an argument can be: a literal, a constant of the package, or what a function of it returns.
func (f folder) meaning(t *testing.T, e ast.Expr) (words []string) {
	switch e := e.(type) {
	case *ast.BasicLit:
		word, _ := text(e)
		return []string{word}
	case *ast.Ident:
		words = f.consts(e.Name, "")
	case *ast.SelectorExpr:
		if typeName(e.X) == "bearer" {
			words = source(t, "session/bearer").consts(e.Sel.Name, "")
		}
	case *ast.CallExpr:
		for _, file := range f {
			for _, decl := range file.Decls {
				if function, ok := decl.(*ast.FuncDecl); ok && function.Name.Name == calledName(e) {
					words = append(words, returned(function)...)
				}
			}
		}
	}
	if len(words) == 0 || slices.Contains(words, "") {
		t.Errorf("what is %v? Teach this test where its words come from", e)
	}
	return words
}

func returned(function *ast.FuncDecl) (words []string) {
	ast.Inspect(function, func(n ast.Node) bool {
		if r, ok := n.(*ast.ReturnStmt); ok {
			word, _ := text(r.Results[0])
			words = append(words, word)
		}
		return true
	})
	return words
}

// told are the reasons of answers to programs that are neither a policy's, nor a page's, nor those of the question: what
// stands beside Reason where such an answer is made, and what a variable that stands there may be.
func told(t *testing.T, folders ...folder) (words []string) {
	elsewhere := []string{"why.Reason", "p.Reason()", "decision.Reason", "st.Reason"}
	for _, file := range slices.Concat(folders...) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if made := typeName(n.Type); made != "ProblemJSON" && made != "Refusal" {
					return true
				}
				for _, e := range n.Elts {
					kv, ok := e.(*ast.KeyValueExpr)
					if !ok || typeName(kv.Key) != "Reason" {
						continue
					}
					if word, ok := text(kv.Value); ok {
						words = append(words, word)
					} else if from := expression(kv.Value); from != "reason" && !slices.Contains(elsewhere, from) {
						t.Errorf("a reason comes from %s: teach this test where its words come from", from)
					}
				}
			case *ast.AssignStmt:
				if word, ok := text(n.Rhs[0]); ok && typeName(n.Lhs[0]) == "reason" {
					words = append(words, word)
				}
			case *ast.CallExpr:
				if calledName(n) == "mineRefused" {
					if word, ok := text(n.Args[len(n.Args)-1]); ok {
						words = append(words, word)
					}
				}
			}
			return true
		})
	}
	return words
}

func typeName(e ast.Expr) string {
	if selector, ok := e.(*ast.SelectorExpr); ok {
		return selector.Sel.Name
	}
	name, _ := e.(*ast.Ident)
	if name == nil {
		return ""
	}
	return name.Name
}

func expression(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return expression(e.X) + "." + e.Sel.Name
	case *ast.CallExpr:
		return expression(e.Fun) + "()"
	}
	return "?"
}

// limited are the endpoints of sign-in that have a rate limit.
func limited(t *testing.T, signin folder) (paths []string) {
	free := signin.keys("unlimited")
	for _, path := range signin.keys("endpoints") {
		if !slices.Contains(free, path) {
			paths = append(paths, path)
		}
	}
	if len(free) == 0 {
		t.Error("no endpoint without a limit was found")
	}
	return paths
}

var quoted = regexp.MustCompile("`([^`]+)`")

// rowsUnder are the rows of the table under a heading of a document: the words of the first cell, each with the other cells.
func rowsUnder(t *testing.T, document, heading string) map[string][]string {
	t.Helper()
	_, section, ok := strings.Cut(document, "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("%q is no heading", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	rows := make(map[string][]string)
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "|") || len(cells) < 3 {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		for _, word := range quoted.FindAllStringSubmatch(cells[0], -1) {
			if _, twice := rows[word[1]]; twice {
				t.Errorf("%s: `%s` stands twice", heading, word[1])
			}
			rows[word[1]] = cells[1:]
		}
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no table", heading)
	}
	return rows
}
