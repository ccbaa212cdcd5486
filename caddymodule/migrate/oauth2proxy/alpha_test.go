package oauth2proxy

import (
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

func structured(t *testing.T, yaml string, lines ...string) (text, notes string) {
	t.Helper()
	o := draft.Options{Site: "wiki.example.com", Second: []byte(yaml)}
	p, err := Read([]byte(strings.Join(append([]string{`email_domains = "*"`}, lines...), "\n")), o)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = p.Text(); err != nil {
		t.Fatal(err)
	}
	p.Sort()
	body, _, _ := strings.Cut(text, "# From the migration")
	return strings.Join(strings.Fields(body), " "), p.List()
}

func TestStructured(t *testing.T) {
	const header = "injectRequestHeaders: [{name: "
	for name, row := range map[string]struct{ yaml, want, never, note string }{
		"no app":                   {"providers: [{clientID: a}]", "respond 503", "", "does not say where the app is"},
		"an app":                   {"upstreamConfig: {upstreams: [{id: a, path: /, uri: 'http://app:8080/x'}]}", "} reverse_proxy app:8080 }", "handle", ""},
		"the longest path":         {"upstreamConfig: {upstreams: [{path: /, uri: 'http://a:1'}, {path: /b/c, uri: 'http://b:2'}]}", "handle /b/c { reverse_proxy b:2 } handle { reverse_proxy a:1 }", "route", ""},
		"a rewritten path":         {"upstreamConfig: {upstreams: [{path: '^/a/(.*)$', rewriteTarget: /$1, uri: 'http://a:1'}]}", `route { handle @app-1 { uri path_regexp "^/a/(.*)$" "/$1" reverse_proxy a:1 } handle { respond 404 } }`, "", ""},
		"rewritten with a query":   {"upstreamConfig: {upstreams: [{path: '^/a/(.*)$', rewriteTarget: '/a?b=$1', uri: 'http://a:1'}]}", "respond 503", "reverse_proxy a", "todo     upstreamConfig.upstreams.path"},
		"files":                    {"upstreamConfig: {upstreams: [{path: /s/, uri: 'file:///srv'}]}", "handle_path /s/* { root * /srv file_server browse }", "", ""},
		"a status":                 {"upstreamConfig: {upstreams: [{path: /, static: true}]}", "respond 200", "", "todo     upstreamConfig.upstreams.static"},
		"unverified apps":          {"upstreamConfig: {upstreams: [{path: /, uri: 'https://a:1', insecureSkipTLSVerify: true}]}", "reverse_proxy https://a:1", "insecure", "is always verified"},
		"no headers":               {"providers: [{clientID: a}]", "headers none", "", ""},
		"the usual headers":        {header + "X-Forwarded-Email, values: [{claim: email}]}]", "headers forwarded }", "", ""},
		"groups":                   {header + "x-forwarded-groups, values: [{claimSource: {claim: groups}}]}, {name: X-Forwarded-User, values: [{claim: user}]}]", "headers forwarded groups }", "header x", ""},
		"another name":             {header + "X-User, values: [{claim: user}]}]", "headers none header X-User sub }", "", ""},
		"another claim":            {header + "X-Forwarded-User, values: [{claim: email}]}]", "header X-Forwarded-User email", "", "only have a verified address"},
		"a token of its own":       {header + "Authorization, values: [{claim: access_token, prefix: 'Bearer '}]}]", "forward_access_token }", "", ""},
		"an ID token":              {header + "Authorization, values: [{claim: id_token, prefix: 'Bearer '}]}]", "headers none }", "id_token", "missing  injectRequestHeaders.values.claim"},
		"a password":               {header + "Authorization, values: [{claim: user, basicAuthPassword: {value: hunter2}}]}]", "headers none }", "hunter2", "no HTTP Basic password"},
		"a secret":                 {header + "X-Key, values: [{secretSource: {value: hunter2}}]}]", "request_header X-Key {env.HEADER_X_KEY}", "hunter2", "todo     injectRequestHeaders.values.secretSource.value"},
		"a secret of a file":       {header + "X-Key, values: [{fromFile: /run/key}]}]", "request_header X-Key {file./run/key}", "", ""},
		"a secret of nowhere":      {header + "X-Key, values: [{fromFile: '/run/}key'}]}]", "headers none }", "request_header", "missing  injectRequestHeaders.name"},
		"two values":               {header + "X-User, values: [{claim: user}, {claim: email}]}]", "header X-User sub", "", "missing  injectRequestHeaders.name"},
		"the environment":          {"providers: [{clientID: '${ID}', clientSecret: $SECRET, provider: oidc, oidcConfig: {issuerURL: '${ISSUER}'}}]", "issuer {env.ISSUER} client_id {env.ID} client_secret {env.SECRET}", "", ""},
		"a secret of the client":   {"providers: [{clientSecret: hunter2}]", "client_secret {env.OIDC_CLIENT_SECRET}", "hunter2", "todo     providers.clientSecret (line 1)"},
		"groups of the provider":   {"providers: [{allowedGroups: [a]}]", "allow group a", "", ""},
		"a group of a directory":   {"providers: [{googleConfig: {group: [a@example.com]}}]", "closed-until-completed", "", "missing  providers.googleConfig.group"},
		"keys without case":        {"Providers: [{CLIENTID: a}]", "client_id a", "", ""},
		"an unknown key":           {"providers: [{clientIDs: a}]", "", "", "unknown  providers.clientIDs (line 1)"},
		"an unknown part":          {"provider: {clientID: a}", "", "client_id a", "unknown  provider (line 1)"},
		"an unknown key of an app": {"upstreamConfig: {upstreams: [{path: /, uri: 'http://a:1', retries: 3}]}", "", "", "unknown  upstreamConfig.upstreams.retries"},
		"parameters":               {"providers: [{loginURLParameters: [{name: hd, default: [example.com]}, {name: acr_values, default: [gold, silver]}]}]", "auth_param hd example.com", "", "the first one is required"},
		"a certificate":            {"server: {tls: {key: {fromFile: /k}, cert: {fromFile: /c}}}", "tls /c /k", "", ""},
		"a key in the file":        {"server: {tls: {key: {value: hunter2}, cert: {value: hunter2}}}", "", "hunter2", "todo     server.tls.key.value"},
		"a secure metrics server":  {"metricsServer: {SecureBindAddress: ':1', tls: {minVersion: TLS1.3}}", "", "", "differs  metricsServer.tls.minVersion"},
	} {
		t.Run(name, func(t *testing.T) {
			text, notes := structured(t, row.yaml)
			if !strings.Contains(text, row.want) || row.never != "" && strings.Contains(text, row.never) || !strings.Contains(notes, row.note) || strings.Contains(notes, "hunter2") {
				t.Errorf("%s\n%s", text, notes)
			}
		})
	}
	if text, _ := structured(t, "providers: [{clientID: '${ID}'}]", "skip_jwt_bearer_tokens = true"); !strings.Contains(text, "bearer { audience {env.ID} }") {
		t.Errorf("programs: %s", text)
	}
	if _, notes := structured(t, "providers: [{clientID: a}]", `client_id = "b"`); !strings.Contains(notes, "unknown  client_id (line 2)") {
		t.Errorf("a key that has moved: %s", notes)
	}
	p, err := Read([]byte("# alone\n---\n\nproviders: [{clientID: a}]\n"), draft.Options{})
	if err != nil || !strings.Contains(p.List(), "is read alone") {
		t.Errorf("alone: %v", err)
	}
}

func TestStructuredFaults(t *testing.T) {
	for source, want := range map[string]string{
		"a: [":                                 "line 1: this is no YAML",
		"providers: a":                         "line 1: providers: want a list",
		"providers: [a]":                       "want a list",
		"providers: [{clientID: [{a: 1}]}]":    "providers.clientID: want a text",
		"providers: []\nProviders: []":         "line 2: Providers: stands twice",
		"providers: [{scope: '${A} hunter2'}]": "line 1: providers.scope: has an environment variable",
		"providers: [{loginURLParameters: 7}]": "want a list of mappings",
		"server: 7":                            "want a mapping",
		"upstreamConfig: {upstreams: 7}":       "want a list of mappings",
		"upstreamConfig: {upstreams: [{path: /, uri: 'http://u:hunter2@a:1'}]}":                          "has a password in it",
		"upstreamConfig: {upstreams: [{path: /, uri: 'ftp://a:1'}]}":                                     "is neither http",
		"upstreamConfig: {upstreams: [{path: a, uri: 'http://a:1'}]}":                                    "want a path with a slash",
		"upstreamConfig: {upstreams: [{path: '^(', rewriteTarget: /, uri: 'http://a:1'}]}":               "a regular expression is wrong",
		"upstreamConfig: {upstreams: [{path: /a, uri: 'http://a:1'}, {path: /a, uri: 'http://b:1'}]}":    "for the same path",
		"upstreamConfig: {upstreams: [{path: /, static: true, staticCode: 99}]}":                         "want a status",
		"injectRequestHeaders: [{name: 'a b'}]":                                                          "has no name of a header",
		"injectRequestHeaders: [{name: A, values: [{claim: user}]}, {name: a, values: [{claim: user}]}]": "stands twice",
		"injectRequestHeaders: [{name: A, values: hunter2}]":                                             "want a list of mappings",
		"a: &x 1\nb: *x": "aliases are not read",
	} {
		p, err := Read([]byte("client_id = \"a\""), draft.Options{Second: []byte(source)})
		if err == nil {
			_, err = p.Text()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", source, err)
		}
	}
	if _, err := Read([]byte("providers: []"), draft.Options{Second: []byte("server: {}")}); err == nil {
		t.Error("two structured configurations are read")
	}
}
