package signin

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// leaving makes a request of the browser's that ends with ctx, as one does whose client goes away. It has been answered,
// as far as the gateway is concerned, when the channel is closed.
func (b *testBrowser) leaving(ctx context.Context, method, target string, form url.Values) <-chan struct{} {
	b.t.Helper()
	r := httptest.NewRequestWithContext(ctx, method, b.URL+target, strings.NewReader(form.Encode()))
	r.AddCookie(b.cookie(browser.SessionCookie))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.URL)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.serve(httptest.NewRecorder(), r)
	}()
	return done
}

// TestClientGoesWhileClaimsAreAskedFor: the refresh token has been sent by then and may be worth nothing any more. So the
// renewal goes on without the client, what it brings is kept, and nobody asks a second time (D1, D4).
func TestClientGoesWhileClaimsAreAskedFor(t *testing.T) {
	for name, age := range map[string]time.Duration{"before the request": 2 * recheck, "behind it": recheck} {
		t.Run(name, func(t *testing.T) {
			g, b := recheckGateway(t)
			hang := make(chan struct{})
			g.idp.Set(func(p *oidctest.IDP) {
				p.Claims = map[string]any{"preferred_username": "grace", "nonce": nil}
				p.TokenBody = map[string]any{"refresh_token": "refresh-2"}
				p.Hang = hang
			})
			g.clock.Advance(age)
			ctx, leave := context.WithCancel(t.Context())
			done := b.leaving(ctx, http.MethodGet, "/", nil)
			storetest.Until(t, "the provider is asked", func() bool { return g.idp.Count("/token") == 2 })
			leave()
			g.idp.Set(func(p *oidctest.IDP) { p.Hang = nil })
			close(hang)
			<-done
			storetest.Until(t, "the renewal is taken up", func() bool { return b.user() == "app: grace persistent" })
			if n := g.idp.Count("/token"); n != 2 {
				t.Errorf("%d token requests for one renewal", n-1)
			}
			g.clock.Advance(2 * recheck)
			if got := b.user(); got != "app: grace persistent" {
				t.Errorf("the next renewal: %q", got)
			}
			// A request does not wait for a slow answer, so the renewal may be behind it.
			storetest.Until(t, "the next renewal is made with the new refresh token", func() (with bool) {
				b.user()
				g.idp.Set(func(p *oidctest.IDP) { with = p.LastToken.Get("refresh_token") == "refresh-2" })
				return with
			})
		})
	}
}

// TestClientGoesWhileSigningOut: a user who presses the button and closes the window is signed out, at whatever moment
// that is, and everywhere if requested (K4, A22, A45).
func TestClientGoesWhileSigningOut(t *testing.T) {
	for name, op := range map[string]string{"as their session is looked up": "get", "as it ends": "remove"} {
		t.Run(name, func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			var armed atomic.Bool
			store := &refusing{before: func(said string) {
				if armed.Load() && said == op {
					leave()
				}
			}}
			g := newGateway(t, func(s *settings) { s.wrap = store })
			here, there := g.browser(), g.browser()
			here.signIn("yes")
			there.signIn("yes")
			form := url.Values{"csrf": {csrf(here.get(browser.Base + "/sign-out").body)}, "everywhere": {"1"}}
			armed.Store(true)
			<-here.leaving(ctx, http.MethodPost, browser.Base+"/sign-out", form)
			armed.Store(false)
			if ctx.Err() == nil {
				t.Fatal("the client did not go away")
			}
			for where, b := range map[string]*testBrowser{"here": here, "there": there} {
				if r := b.get("/"); r.status != http.StatusSeeOther {
					t.Errorf("still signed in %s: %d", where, r.status)
				}
			}
			storetest.Until(t, "the refresh token is revoked", func() bool { return g.idp.Count("/revoke") == 1 }) // the provider is told all the same
		})
	}
}

// TestClientGoesWhileOthersAskForTheSession: the look-up that a sign-out waits for may be another request's, and the
// client be gone before it is answered.
func TestClientGoesWhileOthersAskForTheSession(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	var armed atomic.Bool
	store := &refusing{before: func(op string) {
		if op == "get" && armed.CompareAndSwap(true, false) {
			close(asked)
			<-answer
		}
	}}
	g := newGateway(t, func(s *settings) { s.wrap, s.keepFor = store, time.Minute })
	b := g.browser()
	b.signIn("yes")
	form := url.Values{"csrf": {csrf(b.get(browser.Base + "/sign-out").body)}}
	g.clock.Advance(time.Minute)
	armed.Store(true)
	other := b.leaving(t.Context(), http.MethodGet, "/", nil)
	<-asked
	ctx, leave := context.WithCancel(t.Context())
	leave()
	before := g.service.Sessions.Known().Misses
	done := b.leaving(ctx, http.MethodPost, browser.Base+"/sign-out", form)
	storetest.Until(t, "the session is looked up", func() bool { return g.service.Sessions.Known().Misses > before })
	close(answer)
	<-other
	<-done
	if r := b.get("/"); r.status != http.StatusSeeOther {
		t.Errorf("still signed in: %d", r.status)
	}
}
