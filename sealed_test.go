package latchkey_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sealers are the functions that seal a value under the key ring, by folder and name, and the kind that each makes. Each
// kind stands in session/signin/kinds_test.go, which shows that it never opens as another one.
var sealers = map[string]string{
	"session prepare":                        "stored session",
	"session Renew":                          "stored session",
	"session update":                         "stored session",
	"session/apitoken create":                "stored token of a program",
	"session/apitoken learn":                 "what is known of a user with tokens",
	"session/apitoken pack":                  "what is known of a user with tokens",
	"session/pending Hold":                   "stored pending sign-in",
	"session/pending IssueTicket":            "stored ticket",
	"session/pending KeepForm":               "stored form",
	"session/pending KeepChallenge":          "stored claims challenge",
	"session/signinlog seal":                 "entry of the sign-in log",
	"session/signin/access GiveHandle":       "session cookie",
	"session/signin/access GiveBound":        "bound cookie",
	"session/signin/bound seal":              "bound challenge",
	"session/signin/bound sealAuthorization": "bound authorization",
	"session/signin sealFlow":                "flow cookie",
	"session/signin givePending":             "pending cookie",
	"session/signin sealSpent":               "page of a spent state",
	"session/signin/remembered keepAnswers":  "answer cookie",
	"session/signin/browser GiveID":          "browser cookie",
	"session/signin rememberProvider":        "provider cookie",
	"session/signin keepForm":                "form cookie",
	"session/signin sealHandover":            "hand-over",
	"session/signin handOver":                "ticket",
	"session/signin callbackPost":            "posted answer",
	"session/signin sealStep":                "step-up link",
	"session/signin leaveState":              "sign-out state",
}

// sealing are the functions that the sealers use.
var sealing = []string{
	"session/keyring Seal", "session/keyring SealWithSecret", "session/keyring seal",
	"session SealToken", "session sealTokens", "session seal", "session sealRecord", "session Put", "session PutKept", "session Replace", "session SealDraft", "session replace",
}

// seals reports whether a call seals a value: one of the key ring, or of the vault.
func seals(call *ast.CallExpr) bool {
	switch calledName(call) {
	case "Seal", "SealWithSecret", "SealToken", "sealTokens", "sealRecord", "SealDraft", "PutKept":
		return true
	case "Put", "replace":
		selector, _ := call.Fun.(*ast.SelectorExpr)
		on, ok := selector.X.(*ast.SelectorExpr)
		return ok && on.Sel.Name == "vault"
	}
	return false
}

// Issue 9, point 2: a new kind of sealed value gets its row in the test of all pairs.
func TestEverySealedKindIsHeldApart(t *testing.T) {
	var table []byte
	for _, file := range []string{"session/signin/kinds_test.go", "session/signin/bound_kinds_test.go"} {
		rows, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		table = append(table, rows...)
	}
	seen := map[string]bool{}
	eachFunction(t, func(folder, name string, body *ast.BlockStmt) {
		ast.Inspect(body, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && seals(call) && !slices.Contains(sealing, folder+" "+name) {
				seen[folder+" "+name] = true
			}
			return true
		})
	})
	for at := range seen {
		kind, known := sealers[at]
		switch {
		case !known:
			t.Errorf("%s seals a value: give it a row in session/signin/kinds_test.go, and name it here", at)
		case !strings.Contains(string(table), strconv.Quote(kind)):
			t.Errorf("%s: session/signin/kinds_test.go has no kind %q", at, kind)
		}
	}
	for at := range sealers {
		if !seen[at] {
			t.Errorf("%s seals nothing any more", at)
		}
	}
}

// Issue 9, point 2: the keys of the store begin with their kind, and no two functions make keys of the same kind.
func TestEveryKindOfKeyIsMadeOnce(t *testing.T) {
	made := map[string]string{}
	eachFunction(t, func(folder, name string, body *ast.BlockStmt) {
		ast.Inspect(body, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			// ownerOf makes no key of the store: it names a person inside the journal, which has a space of its own.
			if calledName(call) != "HashKey" || folder+" "+name == "session/signinlog ownerOf" {
				return true
			}
			kind, ok := call.Args[0].(*ast.BasicLit)
			if !ok {
				t.Errorf("%s %s: the kind of a key is no constant", folder, name)
				return true
			}
			at := folder + " " + name
			if other, twice := made[kind.Value]; twice {
				t.Errorf("%s makes keys of the kind %s, and so does %s", at, kind.Value, other)
			}
			made[kind.Value] = at
			return true
		})
	})
	if len(made) < 10 {
		t.Errorf("only %d kinds of keys were found", len(made))
	}
}

func calledName(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name
	case *ast.Ident:
		return f.Name
	}
	return ""
}

// eachFunction visits every function of the product, and each value of a package, which has no name here.
func eachFunction(t *testing.T, visit func(folder, name string, body *ast.BlockStmt)) {
	t.Helper()
	for _, root := range []string{"session", "policy", "caddymodule", "cmd"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
					visit(filepath.ToSlash(filepath.Dir(path)), f.Name.Name, f.Body)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
