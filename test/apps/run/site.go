package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// siteHost is the host of each site. The provider has another one: cookies know no ports.
const siteHost = "127.0.0.1"

const clientSecret = "a-secret-for-loopback-only-0123456789"

// site is a gateway in front of an app, with the Caddyfile of the app's page.
type site struct {
	t      *tryout.Trial
	a      app
	gw     *rig.Gateway
	direct string // the app, past the gateway
	origin string
}

func newSite(t *tryout.Trial, a app) *site {
	t.Helper()
	port, front := rig.FreePort(t), rig.FreePort(t)
	s := &site{t: t, a: a, direct: fmt.Sprintf("http://127.0.0.1:%d", port), origin: fmt.Sprintf("http://127.0.0.1:%d", front)}
	page := readPage(t, a.page())
	p := place{dir: t.TempDir(), port: port, addr: fmt.Sprintf("127.0.0.1:%d", port), origin: s.origin, page: page}
	replace := a.start(t, p)
	if addr := replace[moved]; addr != "" {
		s.direct = "http://" + addr
		delete(replace, moved)
	}
	idp := rig.NewIDP(t, rig.IDPConfig{
		Clients: []rig.Client{{
			ID: "latchkey", Secret: clientSecret, RedirectURIs: []string{s.origin + "/.latchkey/callback"},
			SignedOut: []string{s.origin + "/.latchkey/signed-out"},
		}},
		Users: map[string]rig.Claims{"ada": person("ada"), "bob": person("bob")},
	})
	s.gw = rig.NewGateway(t, rig.GatewayConfig{
		Caddyfile: caddyfile(t, page, idp.Issuer, s.origin, replace),
		Env:       []string{"OIDC_CLIENT_ID=latchkey", "OIDC_CLIENT_SECRET=" + clientSecret},
	})
	return s
}

// moved is a key of what an app's start returns: where it listens, if not where it was told to.
const moved = "moved"

func person(name string) rig.Claims {
	return rig.Claims{
		"preferred_username": name, "name": strings.ToUpper(name[:1]) + name[1:], "email": name + "@example.com", "email_verified": true,
		"groups": []string{"staff"},
	}
}

func (s *site) url(path string) string { return s.origin + path }

// enter signs a client in and returns the page of the app.
func (s *site) enter(c *rig.HTTP, user string) rig.Reply {
	s.t.Helper()
	r := c.Follow(c.Get(s.url(s.a.path())), nil)
	if !r.HasButton(s.t, user) {
		s.t.Fatalf("no form of the provider: %d at %s", r.StatusCode, r.At)
	}
	r = c.Press(r, user)
	if r.HasButton(s.t, "Yes") { // a browser that several users share is not asked
		r = c.Press(r, "Yes")
	}
	if r.StatusCode >= http.StatusBadRequest || strings.HasPrefix(r.At.Path, "/.latchkey/") {
		s.t.Fatalf("%s is not in the app: %d at %s", user, r.StatusCode, r.At)
	}
	return r
}

// entered is a new client that is signed in.
func (s *site) entered(user string) *rig.HTTP {
	s.t.Helper()
	c := rig.NewHTTP(s.t)
	s.enter(c, user)
	return c
}

// leave signs a client out as a user does.
func (s *site) leave(c *rig.HTTP) {
	s.t.Helper()
	r := c.Press(c.Get(s.url("/.latchkey/sign-out")), "Sign out")
	if r.HasButton(s.t, "Yes, sign out of the provider") {
		c.Press(r, "Yes, sign out of the provider")
	}
	if r := c.Follow(c.Get(s.url(s.a.path())), nil); !r.HasButton(s.t, "ada") {
		s.t.Fatalf("still signed in: %d at %s", r.StatusCode, r.At)
	}
}
