package app_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

func validate(t *testing.T, text string) error {
	t.Helper()
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("OIDC_CLIENT_SECRET", "secret")
	raw, err := apptest.Adapt(text)
	if err != nil {
		return err
	}
	var parsed caddy.Config
	if err := json.Unmarshal(raw, &parsed); err != nil {
		t.Fatal(err)
	}
	return caddy.Validate(&parsed)
}

func withSignInHost(host, sites string) string {
	return `{
	admin off
	latchkey {
		provider {
			issuer https://id.example.com
			client_id latchkey
			client_secret {env.OIDC_CLIENT_SECRET}
		}
		sign_in_host ` + host + `
	}
}
` + sites
}

// A sign-in host that no site serves is found out when the configuration is checked, with its place in the Caddyfile.
func TestSignInHostIsServed(t *testing.T) {
	for name, c := range map[string]struct{ host, sites, problem string }{
		"a site of its own":   {"login.example.org", "login.example.org {\n\tlatchkey\n}\nwiki.example.com {\n\tlatchkey\n}\n", ""},
		"one of the sites":    {"wiki.example.com", "wiki.example.com {\n\tlatchkey\n}\n", ""},
		"a wildcard":          {"login.example.com", "*.example.com {\n\tlatchkey\n}\n", ""},
		"on a port":           {"login.example.com", "https://login.example.com:8443 {\n\tlatchkey\n}\n", ""},
		"nobody":              {"login.example.org", "wiki.example.com {\n\tlatchkey\n}\n", "no site with the directive latchkey serves login.example.org; `login.example.org { latchkey }` is enough, at Caddyfile:9"},
		"without latchkey":    {"login.example.org", "login.example.org {\n\trespond ok\n}\nwiki.example.com {\n\tlatchkey\n}\n", "no site with the directive latchkey serves login.example.org"},
		"in a route of it":    {"login.example.org", "login.example.org {\n\troute {\n\t\tlatchkey\n\t}\n}\n", ""},
		"another one's label": {"login.example.org", "*.b.example.org {\n\tlatchkey\n}\n", "no site with the directive latchkey serves login.example.org"},
	} {
		t.Run(name, func(t *testing.T) {
			err := validate(t, withSignInHost(c.host, c.sites))
			if c.problem == "" && err != nil || c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
				t.Errorf("%v, want %q", err, c.problem)
			}
		})
	}
}

// The same in JSON: users cannot be sent to a site that does not name its hosts.
func TestSignInHostInJSON(t *testing.T) {
	tenant := &config.App{
		Providers:  []*config.Provider{{Name: "main", Issuer: "http://127.0.0.1:1", ClientID: "client"}},
		SignInHost: &config.SignInHost{Origin: "https://login.example.com"},
	}
	c := apptest.New(t, tenant, &config.Site{App: "wiki", Hosts: []string{"wiki.example.com"}})
	defer c.Close()
	service, err := c.Estate().Tenant.Service()
	if err != nil {
		t.Fatal(err)
	}
	if site := service.SiteFor("wiki", "https://wiki.example.com"); site == nil || site.App != "wiki" {
		t.Errorf("wiki: %+v", site)
	}
	for name, origin := range map[string]string{"wiki": "https://crm.example.com", "crm": "https://wiki.example.com"} {
		if site := service.SiteFor(name, origin); site != nil {
			t.Errorf("%s at %s: %+v", name, origin, site)
		}
	}
	if err := c.Start(); err == nil || !strings.Contains(err.Error(), "serves login.example.com") {
		t.Errorf("start: %v", err)
	}
	ctx, err := apptest.Context()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.NewCandidate(ctx, apptest.JSON(t, tenant, &config.Site{App: "crm"})); err == nil || !strings.Contains(err.Error(), "host name") {
		t.Errorf("a site without hosts: %v", err)
	}
}
