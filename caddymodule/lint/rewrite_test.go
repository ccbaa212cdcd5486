package lint_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/fileserver" // try_files

	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
)

// A policy that matches on the path misses it where the site rewrites it first: `validate` says so, wherever the policy and
// the rewriting stand, and says nothing where the path is not touched or not looked at.
func TestValidateWarnsOfRewrites(t *testing.T) {
	const frame = `{
	latchkey {
		provider {
			issuer https://login.example.com
			client_id x
			client_secret {env.LATCHKEY_TEST_SECRET}
		}
		%s
	}
}

%s {
	%s
}

b.com {
	latchkey
	respond ok
}
`
	t.Setenv("LATCHKEY_TEST_SECRET", "secret")
	const (
		site     = "a.example.com"
		danger   = "policy danger {\nmatch {\npath /users/*\n}\nrequire mfa\n}\n"
		guarded  = "latchkey {\n" + danger + "}\nrespond ok"
		all      = "latchkey\nrespond ok"
		rewriten = "a.example.com danger: it matches on the path, which comes to latchkey rewritten"
		stripped = "a.example.com danger: it matches on the path, which comes to latchkey without /api"
	)
	own := func(match string) string {
		return "latchkey {\npolicy danger {\nmatch {\n" + match + "\n}\nrequire mfa\n}\n}\nrespond ok"
	}
	for _, tt := range []struct {
		name, tenant, address, site string
		want                        []string
	}{
		{"nothing is rewritten", "", site, guarded, nil},
		{"no policy looks at the path", "policy p {\ninclude group g\nrequire mfa\n}", site, "try_files {path} /index.html\n" + own("method POST"), nil},
		{"try_files", "", site, "root /srv\ntry_files {path} /index.html\n" + guarded, []string{rewriten}},
		{"rewrite", "", site, "rewrite /old/* /new\n" + guarded, []string{rewriten}},
		{"uri", "", site, "uri replace /a /b\n" + guarded, []string{rewriten}},
		{"uri path_regexp", "", site, "uri path_regexp /+ /\n" + guarded, []string{rewriten}},
		{"uri strip_suffix", "", site, "uri strip_suffix .html\n" + guarded, []string{rewriten}},
		{"a prefix by placeholder", "", site, "uri strip_prefix /{env.X}\n" + guarded, []string{rewriten}},
		{"a policy for all sites", danger, site, "rewrite * /x{uri}\n" + all, []string{rewriten}},
		{"a site without a host name", "", ":9", "rewrite * /x{uri}\nlatchkey {\napp a.example.com\n" + danger + "}\nrespond ok", []string{rewriten}},
		{"in a route", "", site, "route {\nrewrite * /x{uri}\n" + guarded + "\n}", []string{rewriten}},
		{"in an earlier route", "", site, "route {\nrewrite * /x{uri}\n}\nroute {\n" + guarded + "\n}", []string{rewriten}},
		{"in an earlier route of a site without a host name", "", ":9", "route /old/* {\nrewrite * /x{uri}\n}\nroute {\n" +
			strings.Replace(guarded, "{", "{\napp a.example.com", 1) + "\n}", []string{rewriten}},
		{"within handle", "", site, "rewrite * /x{uri}\nhandle /x/* {\n" + guarded + "\n}", []string{rewriten}},

		{"a query is no path", "", site, "rewrite * ?a=b\n" + guarded, nil},
		{"the same path", "", site, "rewrite * {path}?a=b\n" + guarded, nil},
		{"the path as it came", "", site, "route {\nrewrite * {http.request.orig_uri.path}\n" + guarded + "\n}", nil},
		{"a method is no path", "", site, "method POST\n" + guarded, nil},
		{"uri query", "", site, "uri query -a\n" + guarded, nil},
		{"after latchkey", "", site, "route {\n" + strings.Replace(guarded, "respond", "rewrite * /x{uri}\nrespond", 1) + "\n}", nil},
		{"in another handle", "", site, "handle /old/* {\nrewrite * /new\nrespond old\n}\nhandle {\n" + guarded + "\n}", nil},
		{"off", "", site, "rewrite * /x{uri}\n" + strings.Replace(guarded, "require mfa", "mode off\nrequire mfa", 1), nil},

		{"handle_path, for what is left", "", site, "handle_path /api/* {\n" + guarded + "\n}", nil},
		{"handle_path, for what was there", "", site, "handle_path /api/* {\n" + own("path /API/users/*") + "\n}", []string{stripped}},
		{"handle_path, for all sites", danger, site, "handle_path /api/* {\n" + all + "\n}", []string{stripped}},
		{"strip_prefix, by regular expression", "", site, "uri strip_prefix api\n" + own("path_regexp ^/users"), []string{stripped}},
		{"another handle_path", danger, site, "handle_path /api/* {\nrespond x\n}\nhandle {\n" + all + "\n}", nil},

		{"not", "", site, "rewrite * /x{uri}\n" + own("not path /public/*"), []string{rewriten}},
		{"expression", "", site, "rewrite * /x{uri}\n" + own("expression path('/users/*')"), []string{rewriten}},
		{"a placeholder", "", site, "rewrite * /x{uri}\n" + own("expression {path}.startsWith('/users/')"), []string{rewriten}},
		{"variables", "", site, "rewrite * /x{uri}\n" + own("vars {uri} /users"), []string{rewriten}},
		{"another expression", "", site, "rewrite * /x{uri}\n" + own("expression {method} == 'path'"), nil},
		{"what it advises", "", site, "rewrite * /x{uri}\n" + own("vars_regexp {http.request.orig_uri.path} ^/users/"), nil},

		{"the directive's matcher", "", site, "@part path /users/*\nrewrite * /x{uri}\nlatchkey @part\nrespond ok", []string{
			"a.example.com: it matches on the path, which comes to latchkey rewritten",
		}},
		{"another matcher of the directive", "", site, "@part method GET\nrewrite * /x{uri}\nlatchkey @part\nrespond ok", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// That the endpoints of sign-in are out of reach in some of these is another matter: TestValidateWarnsOfOrder.
			got := slices.DeleteFunc(apptest.ValidateWarns(t, fmt.Sprintf(frame, tt.tenant, tt.address, tt.site)), func(w string) bool {
				return strings.Contains(w, "nothing answers /.latchkey/")
			})
			for i, g := range got {
				if i >= len(tt.want) || !strings.HasPrefix(g, tt.want[i]) {
					t.Errorf("got %q", g)
				}
			}
			if len(got) < len(tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
