package vouch

import (
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

func TestVouch(t *testing.T) {
	for name, row := range map[string]struct{ source, want, never, note string }{
		"everyone":           {"vouch: {allowAllUsers: true, domains: [example.com]}", "latchkey { headers remote }", "allow", ""},
		"names":              {"vouch: {whitelist: [ada, grace], domains: [example.com]}", "allow user ada allow user grace", "allow domain", ""},
		"teams":              {"vouch: {teamWhitelist: [a], domains: [example.com]}", "closed-until-completed { block }", "allow domain", "missing  vouch.teamWhitelist"},
		"domains":            {"vouch: {domains: [example.com]}", "allow domain example.com", "closed", "subdomains need a line each"},
		"nobody is named":    {"vouch: {port: 1}", "closed-until-completed { block }", "allow domain", "todo     vouch.domains"},
		"open to all":        {"vouch: {publicAccess: true}", "closed-until-completed", "", "missing  vouch.publicAccess"},
		"Google":             {"oauth: {provider: google, preferredDomain: example.com}", "issuer https://accounts.google.com client_id {env.OIDC_CLIENT_ID}", "", ""},
		"Okta":               {"oauth: {provider: oidc, auth_url: 'https://a.example.com/oauth2/default/v1/authorize'}", "issuer https://a.example.com/oauth2/default ", "", "is derived from this address"},
		"an unknown address": {"oauth: {provider: oidc, auth_url: 'https://a.example.com/login'}", "issuer {env.OIDC_ISSUER}", "", "todo     oauth.auth_url"},
		"no OpenID Connect":  {"vouch: {allowAllUsers: true}\noauth: {provider: github}", "closed-until-completed", "", "missing  oauth.provider"},
		"with the browser":   {"vouch: {cookie: {maxAge: 0}}", "stay_signed_in off", "", ""},
		"a claim":            {"vouch: {headers: {claims: [given_name]}}", "header X-Vouch-IdP-Claims-Given-Name given_name", "", ""},
		"a claim by address": {"vouch: {headers: {claims: ['http://a/b']}}", "headers remote", "header X", "makes no name of a header"},
		"secrets":            {"oauth: {client_secret: hunter2}", "client_secret {env.OIDC_CLIENT_SECRET}", "hunter2", "todo     oauth.client_secret"},
		"without TLS":        {"vouch: {cookie: {secure: false}}", "closed", "", "missing  vouch.cookie.secure"},
		"unknown":            {"vouch: {publicAcess: true}", "closed", "", "unknown  vouch.publicAcess"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Read([]byte(row.source), draft.Options{Site: "a.example.com"})
			if err != nil {
				t.Fatal(err)
			}
			text, err := p.Text()
			if err != nil {
				t.Fatal(err)
			}
			text, _, _ = strings.Cut(text, "# From the migration")
			text = strings.Join(strings.Fields(text), " ")
			if !strings.Contains(text, row.want) || row.never != "" && strings.Contains(text, row.never) || !strings.Contains(p.List(), row.note) || strings.Contains(p.List(), "hunter2") {
				t.Errorf("%s\n%s", text, p.List())
			}
		})
	}
}

func TestVouchFaults(t *testing.T) {
	for source, want := range map[string]string{
		"vouch: {port: 1, Port: 2}":                       "in different cases",
		"vouch: {jwt: {maxAge: long}}":                    "line 1: vouch.jwt.maxAge: want a number of minutes",
		"vouch: {allowAllUsers: perhaps}":                 "want true or false",
		"vouch: {headers: {accesstoken: 'a b'}}":          "is no name of a header",
		"vouch: {allowAllUsers: true, whitelist: {a: 1}}": "",
	} {
		_, err := Read([]byte(source), draft.Options{})
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", source, err)
		}
	}
}
