package signin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// A81, A77: somebody who is at the provider or at the prompt while their sessions are ended gets none by going on; their
// next sign-in counts.
func TestRevokedWhileSigningIn(t *testing.T) {
	for name, end := range map[string]func(g *gateway) error{
		"person": func(g *gateway) error {
			_, err := g.service.Sessions.EndAll(t.Context(), session.Identity{Issuer: g.idp.URL, Subject: "s-1"})
			return err
		},
		"everybody": func(g *gateway) error {
			return g.service.Sessions.RevokeBefore(t.Context(), session.Scope{}, time.Time{})
		},
		"provider": func(g *gateway) error {
			return g.service.Sessions.RevokeBefore(t.Context(), session.Scope{Provider: "main"}, time.Time{})
		},
	} {
		g := newGateway(t)
		silent := g.browser()
		silent.signIn("no", "remember", "1")
		atPrompt, atProvider := g.browser(), g.browser()
		page := atPrompt.prompted("/page")
		asked := atProvider.toProvider("/")
		again := query(t, silent.get(browser.Base+"/sign-in").location)
		g.clock.Advance(time.Minute)
		if err := end(g); err != nil {
			t.Fatal(err)
		}
		g.clock.Advance(time.Minute)
		before := g.log.count(signinlog.GrantRevoked)
		for what, r := range map[string]result{
			"the answer":                   atPrompt.answer(page, "yes"),
			"a callback that is not asked": silent.callback(again),
		} {
			if r.status != http.StatusForbidden || !strings.Contains(r.body, "sign in again") || r.setCookies()[browser.SessionCookie] != nil {
				t.Errorf("%s, %s: %d, cookies %v", name, what, r.status, r.setCookies())
			}
		}
		if r := atProvider.callback(asked); !stays(r.location) {
			t.Errorf("%s: callback: %d", name, r.status)
		} else if r := atProvider.answer(atProvider.get(browser.Base+"/stay"), "yes"); r.status != http.StatusForbidden {
			t.Errorf("%s: an answer after a callback: %d", name, r.status)
		}
		if n := g.log.count(signinlog.GrantRevoked) - before; n != 3 {
			t.Errorf("%s: %d entries of code 50173, want 3", name, n)
		}
		for what, b := range map[string]*testBrowser{"prompt": atPrompt, "provider": atProvider} {
			if r := b.get("/"); r.status != http.StatusSeeOther {
				t.Errorf("%s: who was at the %s is in: %d", name, what, r.status)
			}
		}
		atPrompt.signIn("yes")
		g.service.Stop()
	}
}

// Revoking for one app of a host ends nothing at the others that share its cookie.
func TestRevokedForOneAppOfAHost(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	b.signIn("yes")
	g.clock.Advance(time.Second)
	if err := g.service.Sessions.RevokeBefore(t.Context(), session.Scope{App: "wiki"}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if r := b.get("/"); r.status != http.StatusSeeOther || r.setCookies()[browser.SessionCookie] != nil {
		t.Errorf("at the app: %d, cookies %v", r.status, r.setCookies())
	}
	if r := b.do(http.MethodGet, "/", nil, "Accept", "application/json"); r.status != http.StatusUnauthorized || r.setCookies()[browser.SessionCookie] != nil {
		t.Errorf("a script at the app: %d, cookies %v", r.status, r.setCookies())
	}
	g.site.App = "mail"
	if r := b.get("/"); r.status != http.StatusOK {
		t.Errorf("at another app of the host: %d", r.status)
	}
	g.site.App = "wiki"
	g.clock.Advance(time.Second)
	b.signIn("yes")
}

// A25, K20: a person at many prompts at once loses the oldest, each logged as abandoned once.
func TestManyPromptsOfOnePerson(t *testing.T) {
	g := newGateway(t)
	var browsers []*testBrowser
	var prompts []result
	for range 8 {
		g.clock.Advance(time.Second)
		b := g.browser()
		prompts = append(prompts, b.prompted("/"))
		browsers = append(browsers, b)
	}
	if n := g.log.count(signinlog.KeepMeSignedIn); n != 3 {
		t.Errorf("%d entries of code 50140, want 3", n)
	}
	for i, b := range browsers {
		r := b.answer(prompts[i], "no")
		if late := r.status == http.StatusBadRequest; late != (i < 3) {
			t.Errorf("answer %d: %d", i+1, r.status)
		}
	}
	if n := g.log.count(signinlog.KeepMeSignedIn); n != 3 {
		t.Errorf("%d entries of code 50140 in the end, want 3", n)
	}
}

// A25: where too many wait in all, more are told to come again, and nothing of theirs is kept.
func TestTooManyPrompts(t *testing.T) {
	g := newGateway(t, func(s *settings) { s.maxPending = 2 })
	people := 0
	next := func() (*testBrowser, result) {
		people++
		g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": strings.Repeat("x", people)} })
		b := g.browser()
		return b, b.callback(b.toProvider("/page"))
	}
	first, _ := next()
	next()
	entries := g.store.Len()
	b, r := next()
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" || b.cookie(browser.PendingCookie) != nil ||
		!strings.Contains(r.body, url.QueryEscape("/page")) {
		t.Errorf("one too many: %d, Retry-After %q\n%s", r.status, r.header.Get("Retry-After"), r.body)
	}
	if n := g.store.Len() - entries; n != 1 { // the state that was spent
		t.Errorf("%d entries more", n)
	}
	first.answer(first.get(browser.Base+"/stay"), "no")
	if r := b.callback(b.toProvider("/page")); !stays(r.location) {
		t.Errorf("once there is room: %d to %q", r.status, r.location)
	}
}
