package caddymodule

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// People are sent back to hosts of the configuration, on ports that are its own, and to no others (A20, A26, A27).
func TestServed(t *testing.T) {
	hosts := []string{"wiki.example.com", "crm.example.net:8443", "*.apps.example.com", "127.0.0.1:8080", "[::1]:8080"}
	for origin, want := range map[string]bool{
		"https://wiki.example.com": true, "https://wiki.example.com:444": false, "https://wiki.example.com:9443": true,
		"https://crm.example.net": true, "https://crm.example.net:8443": true, "https://crm.example.net:8444": false,
		"https://example.com": false, "https://wiki.example.com.evil.test": false, "https://evilwiki.example.com": false,
		"https://a.apps.example.com": true, "https://a.b.apps.example.com": false, "https://apps.example.com": false,
		"https://.apps.example.com": true, // which no request has: scrub.Host refuses an empty label
		"http://127.0.0.1:8080":     true, "http://[::1]:8080": true, "http://127.0.0.1:8081": false, "https://127.0.0.2:8080": false,
		"": false, "https://": false, "wiki.example.com": false, "https://*.apps.example.com": true, "::": false,
	} {
		if got := served(hosts, origin, "https://login.example.org:9443"); got != want {
			t.Errorf("%q: %v, want %v", origin, got, want)
		}
	}
}

func validate(t *testing.T, text string) error {
	t.Helper()
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("OIDC_CLIENT_SECRET", "secret")
	config, err := adapt(text)
	if err != nil {
		return err
	}
	var parsed caddy.Config
	if err := json.Unmarshal([]byte(config), &parsed); err != nil {
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

// The same in JSON: a site that does not say which hosts it has cannot be sent anybody.
func TestSignInHostInJSON(t *testing.T) {
	app := &App{AppConfig: AppConfig{
		Providers:  []*Provider{{Name: "main", Issuer: "http://127.0.0.1:1", ClientID: "client"}},
		SignInHost: &SignInHost{Origin: "https://login.example.com"},
	}}
	c := testApp(t, app, &Handler{SiteConfig: SiteConfig{App: "wiki", Hosts: []string{"wiki.example.com"}}})
	defer c.close()
	if site := c.siteFor("wiki", "https://wiki.example.com"); site == nil || site.App != "wiki" {
		t.Errorf("wiki: %+v", site)
	}
	for app, origin := range map[string]string{"wiki": "https://crm.example.com", "crm": "https://wiki.example.com"} {
		if site := c.siteFor(app, origin); site != nil {
			t.Errorf("%s at %s: %+v", app, origin, site)
		}
	}
	if err := c.Start(); err == nil || !strings.Contains(err.Error(), "serves login.example.com") {
		t.Errorf("start: %v", err)
	}
	if err := (&Handler{SiteConfig: SiteConfig{App: "crm"}}).provision(c.rt.ctx, c.App); err == nil || !strings.Contains(err.Error(), "host name") {
		t.Errorf("a site without hosts: %v", err)
	}
	for _, bad := range []string{"", "login.example.com", "https://login.example.com/", "https://LOGIN.example.com", "https://login.example.com:443", "http://login.example.com"} {
		if err := (&SignInHost{Origin: bad}).check(); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
