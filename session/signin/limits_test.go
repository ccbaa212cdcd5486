package signin

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signin/ratelimit"
)

// A21: an office of any size signs in from one address, prompt and answer included. Requests that come to nothing are limited
// there as before, and so is one user who signs in again and again.
func TestOfficeSignsIn(t *testing.T) {
	g := newGateway(t, func(s *settings) { s.rate = ratelimit.Rate{N: 3, Per: time.Minute} })
	for i := range 50 {
		g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": fmt.Sprintf("s-%d", i)} })
		g.browser().signIn([]string{"yes", "no"}[i%2])
	}
	junk := func() int {
		return g.browser().get(browser.Base + "/callback?" + url.Values{"state": {"x"}, "code": {"c"}}.Encode()).status
	}
	refused := 0
	for range 6 {
		if junk() == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 3 {
		t.Errorf("%d of 6 made-up callbacks are refused, want 3", refused)
	}
	g.clock.Advance(time.Minute)
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": "s-again"} })
	for i := range 9 {
		b := g.browser()
		r := b.callback(b.toProvider("/"))
		if limited := r.status == http.StatusTooManyRequests; limited != (i > 6) { // four of the user, three of the address
			t.Errorf("sign-in %d of one user: %d", i+1, r.status)
		}
	}
}

// A callback that the provider refuses has proven nothing, and a second answer of a prompt neither.
func TestUnprovenStaysCounted(t *testing.T) {
	g := newGateway(t, func(s *settings) { s.rate = ratelimit.Rate{N: 2, Per: time.Minute} })
	for i := range 3 {
		b := g.browser()
		asked := b.toProvider("/")
		r := b.get(browser.Base + "/callback?" + url.Values{"state": {asked.Get("state")}, "error": {"access_denied"}}.Encode())
		if limited := r.status == http.StatusTooManyRequests; limited != (i == 2) {
			t.Errorf("declined sign-in %d: %d", i+1, r.status)
		}
	}
	for i := range 3 {
		if r := g.browser().get(browser.Base + "/stay"); (r.status == http.StatusTooManyRequests) != (i == 2) {
			t.Errorf("prompt %d without a sign-in: %d", i+1, r.status)
		}
	}
}

// A user who is signed in counts as that user at every endpoint.
func TestSignedInCountsAtUser(t *testing.T) {
	g := newGateway(t, func(s *settings) { s.rate = ratelimit.Rate{N: 20, Per: time.Minute} })
	b := g.browser()
	b.signIn("no")
	n := 0
	for ; n < 100 && b.get(browser.Base+"/sign-out").status == http.StatusOK; n++ {
	}
	if n != 24 {
		t.Errorf("a signed-in user asks %d times, want the 20 of the address and four", n)
	}
}
