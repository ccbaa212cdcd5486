package latchkey_test

import (
	"go/ast"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// words that only the named files may say, because what they stand for has one validator each. Open redirects came back
// at others in six rounds, each time by another way out (A02, A33); client addresses and hosts taken from a header that
// anybody sends decided who may enter (A08, A17, A20).
var words = []struct {
	what  string
	match func(string) bool
	files []string
}{
	{
		what:  "sends a browser somewhere; browser.ReturnPath and what goes with it do that",
		match: func(s string) bool { return is(s, "Location", "Refresh") },
		files: []string{"session/signin/browser/returnpath.go", "session/pages/write.go"},
	},
	{
		what: "reads what a proxy claims; Caddy does that, by trusted_proxies",
		match: func(s string) bool {
			return s == "Forwarded" || is(s, "X-Real-Ip", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Uri",
				"X-Forwarded-Method", "X-Original-Url", "X-Rewrite-Url", "X-Http-Method-Override")
		},
		// visit reads them behind a trusted proxy only; scrub names them to keep configuration off them; reach states them
		// toward a provider that is reached under another address.
		files: []string{"caddymodule/site/inbound.go", "caddymodule/scrub/headers.go", "session/signin/reach/inside.go"},
	},
}

func is(s string, headers ...string) bool {
	return slices.ContainsFunc(headers, func(h string) bool { return strings.EqualFold(h, s) })
}

func TestOneWayOutAndOneSourceOfAddresses(t *testing.T) {
	for _, p := range list(t, "./...") {
		if under(p.path(), "bench") || under(p.path(), "test") || under(p.path(), "cmd/latchkey/demo") || under(p.path(), "session/signin/oidc/oidctest") {
			continue // not the gateway: programs that play a browser, an app and a provider
		}
		for _, name := range p.GoFiles {
			path := filepath.Join(p.path(), name)
			file := parse(t, filepath.Join(p.Dir, name))
			if !slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"net/http"` }) {
				continue // has no headers to read or write
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.SelectorExpr:
					if base, ok := n.X.(*ast.Ident); ok && base.Name == "http" && n.Sel.Name == "Redirect" {
						t.Errorf("%s: http.Redirect %s", path, words[0].what)
					}
				case *ast.BasicLit:
					if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil {
						for _, w := range words {
							if w.match(text) && !slices.Contains(w.files, path) {
								t.Errorf("%s: %s %s", path, n.Value, w.what)
							}
						}
					}
				}
				return true
			})
		}
	}
}
