package signin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// TestSignOut holds K4, A11 and A22: the record dies, so a copy of the cookie is worth nothing.
func TestSignOut(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	b.signIn("yes")
	copied := b.cookie(browser.SessionCookie)
	page := b.get(browser.Base + "/sign-out")
	if b.get("/").status != http.StatusOK {
		t.Fatal("a GET signed out (A23)")
	}
	r := b.do(http.MethodPost, browser.Base+"/sign-out", url.Values{"csrf": {csrf(page.body)}})
	if c := r.setCookies()[browser.SessionCookie]; c == nil || c.MaxAge >= 0 {
		t.Fatalf("sign-out: %d, cookie %v", r.status, c)
	}
	if r := g.browser().do(http.MethodGet, "/", nil, "Cookie", browser.SessionCookie+"="+copied.Value); r.status != http.StatusSeeOther {
		t.Errorf("the copied cookie: %d", r.status)
	}
	if r := b.get(browser.Base + "/sign-out"); r.location != browser.Base+"/signed-out" {
		t.Errorf("signing out again: %d to %q", r.status, r.location)
	}
	if r := b.get(browser.Base + "/signed-out"); r.status != http.StatusOK || !strings.Contains(r.body, "signed out") {
		t.Errorf("the page after: %d", r.status)
	}
}

// TestSignOutForged holds A23 and A79: without a token, from another origin, or with another user's token nothing
// happens.
func TestSignOutForged(t *testing.T) {
	g := newGateway(t)
	b, other := g.browser(), g.browser()
	b.signIn("yes")
	other.signIn("yes")
	token := csrf(b.get(browser.Base + "/sign-out").body)
	theirs := csrf(other.get(browser.Base + "/sign-out").body)
	if theirs == token {
		t.Fatal("two sessions have one token")
	}
	for what, try := range map[string]result{
		"no token":     b.do(http.MethodPost, browser.Base+"/sign-out", url.Values{}),
		"empty body":   b.do(http.MethodPost, browser.Base+"/sign-out", url.Values{"csrf": {""}}),
		"other token":  b.do(http.MethodPost, browser.Base+"/sign-out", url.Values{"csrf": {theirs}}),
		"cross-site":   b.do(http.MethodPost, browser.Base+"/sign-out", url.Values{"csrf": {token}}, "Sec-Fetch-Site", "cross-site"),
		"other origin": b.do(http.MethodPost, browser.Base+"/sign-out", url.Values{"csrf": {token}}, "Origin", "https://evil.example"),
		"no origin":    b.do(http.MethodPost, browser.Base+"/sign-out", url.Values{"csrf": {token}}, "Origin", "", "Sec-Fetch-Site", ""),
		"twice":        b.do(http.MethodPost, browser.Base+"/sign-out", url.Values{"csrf": {token, token}}),
		"oversized":    b.do(http.MethodPost, browser.Base+"/sign-out", url.Values{"csrf": {token}, "x": {strings.Repeat("x", browser.MaxForm)}}),
		"JSON":         b.do(http.MethodPost, browser.Base+"/sign-out", url.Values{"csrf": {token}}, "Content-Type", "application/json"),
	} {
		if try.status != http.StatusForbidden && try.status != http.StatusBadRequest || len(try.setCookies()) != 0 {
			t.Errorf("%s: %d, cookies %v", what, try.status, try.setCookies())
		}
	}
	for _, who := range []*testBrowser{b, other} {
		if r := who.get("/"); r.status != http.StatusOK {
			t.Errorf("somebody was signed out: %d", r.status)
		}
	}
	if r := b.do(http.MethodPut, browser.Base+"/sign-out", url.Values{"csrf": {token}}); r.status != http.StatusMethodNotAllowed || r.header.Get("Allow") != "GET, POST" {
		t.Errorf("PUT: %d", r.status)
	}
}

// TestAnswerForged holds A23 and A63 for the prompt: every step without its token leaves the person not signed in.
func TestAnswerForged(t *testing.T) {
	g := newGateway(t)
	b, other := g.browser(), g.browser()
	page, theirs := b.prompted("/"), other.prompted("/")
	for what, try := range map[string]result{
		"no token":    b.do(http.MethodPost, browser.Base+"/stay", url.Values{"answer": {"yes"}}),
		"other token": b.answer(theirs, "yes"),
		"cross-site":  b.do(http.MethodPost, browser.Base+"/stay", url.Values{"answer": {"yes"}, "csrf": {csrf(page.body)}}, "Sec-Fetch-Site", "cross-site"),
		"no answer":   b.do(http.MethodPost, browser.Base+"/stay", url.Values{"csrf": {csrf(page.body)}}),
		"odd answer":  b.answer(page, "maybe"),
		"two answers": b.do(http.MethodPost, browser.Base+"/stay", url.Values{"answer": {"yes", "no"}, "csrf": {csrf(page.body)}}),
		"empty":       b.do(http.MethodPost, browser.Base+"/stay", url.Values{}),
		"by GET":      b.get(browser.Base + "/stay?answer=yes&csrf=" + url.QueryEscape(csrf(page.body))),
	} {
		if try.setCookies()[browser.SessionCookie] != nil || try.status == http.StatusSeeOther {
			t.Errorf("%s: %d to %q", what, try.status, try.location)
		}
	}
	if g.passed.Load() != 0 {
		t.Fatal("somebody came in")
	}
	if r := b.answer(page, "yes"); r.setCookies()[browser.SessionCookie] == nil {
		t.Errorf("the right answer afterwards: %d", r.status)
	}
}

// TestSignOutEverywhere holds A45: all sessions of the user end, and no other user's.
func TestSignOutEverywhere(t *testing.T) {
	g := newGateway(t)
	one, two, three := g.browser(), g.browser(), g.browser()
	for _, b := range []*testBrowser{one, two, three} {
		b.signIn("yes")
	}
	stranger := g.browser()
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": "s-2"} })
	stranger.signIn("no")
	page := one.get(browser.Base + "/sign-out")
	one.do(http.MethodPost, browser.Base+"/sign-out", url.Values{"csrf": {csrf(page.body)}, "everywhere": {"1"}})
	for _, b := range []*testBrowser{one, two, three} {
		if r := b.get("/"); r.status != http.StatusSeeOther {
			t.Errorf("a session lives: %d", r.status)
		}
	}
	if r := stranger.get("/"); r.status != http.StatusOK {
		t.Errorf("somebody else was signed out: %d", r.status)
	}
}

// TestSignOutStoreDown: no user is told that they are signed out when they are not.
func TestSignOutStoreDown(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	b.signIn("yes")
	token := csrf(b.get(browser.Base + "/sign-out").body)
	g.store.Fail(errors.New("out"))
	r := b.do(http.MethodPost, browser.Base+"/sign-out", url.Values{"csrf": {token}})
	if r.status != http.StatusServiceUnavailable || len(r.setCookies()) != 0 {
		t.Errorf("%d, cookies %v", r.status, r.setCookies())
	}
}

// TestSignOutRevokes: the refresh token is revoked at the provider (RFC 7009), and a provider that cannot be reached
// prevents no sign-out.
func TestSignOutRevokes(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	b.signIn("yes")
	b.signOut()
	storetest.Until(t, "the token is revoked", func() bool { return g.idp.Count("/revoke") == 1 })
	g.idp.Set(func(p *oidctest.IDP) {
		if len(p.Revoked) != 1 || p.Revoked[0] != "refresh-canary by latchkey:client-secret-canary" {
			t.Errorf("revoked %q", p.Revoked)
		}
		p.Broken["/revoke"] = true
	})
	b.signIn("yes")
	b.signOut()
}
