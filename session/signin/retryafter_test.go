package signin

import (
	"net/http"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Field trial 2.9: a 429 that made-up codes have provoked holds off no sign-in, and no renewal either; one that a renewal
// has met holds off renewals alone.
func TestProviderAsksForAPause(t *testing.T) {
	b := &oidctest.Busy{}
	g := newGateway(t, func(s *settings) {
		s.client = oidc.NewClient(oidc.ClientConfig{Now: s.clock.Now, Wrap: func(next http.RoundTripper) http.RoundTripper { b.Next = next; return b }})
		s.recheck = time.Hour
	})
	known, other := g.browser(), g.browser()
	known.signIn("yes")
	other.signIn("yes")
	stranger, person := g.browser(), g.browser()
	madeUp, asked := stranger.toProvider("/"), person.toProvider("/")
	b.Set(http.StatusTooManyRequests, "120")
	if r := stranger.callback(madeUp); r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" ||
		g.log.last(t).Code != signinlog.ProviderUnavailable {
		t.Errorf("a made-up code: %d, log %+v", r.status, g.log.last(t))
	}
	state := g.service.Providers[0].State()
	if state.Failed.IsZero() || state.Err == "" || state.TokenErr == "" || state.Metadata.IsZero() || state.Keys.IsZero() {
		t.Errorf("state %+v", state)
	}
	b.Set(0, "")
	if r := person.callback(asked); !stays(r.location) {
		t.Errorf("a sign-in within the pause that another's code has provoked: %d to %q", r.status, r.location)
	}
	if state := g.service.Providers[0].State(); state.TokenErr != "" {
		t.Errorf("state after a sign-in: %+v", state)
	}

	g.clock.Advance(2 * time.Hour)
	b.Set(http.StatusTooManyRequests, "120")
	if r := known.get("/"); r.status != http.StatusOK {
		t.Errorf("a renewal that meets 429: %d", r.status)
	}
	calls := b.Set(0, "")
	if r := other.get("/"); r.status != http.StatusOK || b.Set(0, "") != calls {
		t.Errorf("another renewal within the pause: %d, %d calls", r.status, b.Set(0, "")-calls)
	}
	late := g.browser()
	late.signIn("yes")
}

// A provider that answers too slowly is one that is down: the person is told in bounded time, the code is not redeemed
// twice, and others go on.
func TestSlowProvider(t *testing.T) {
	b := &oidctest.Busy{}
	g := newGateway(t, func(s *settings) {
		s.client = oidc.NewClient(oidc.ClientConfig{Now: s.clock.Now, Wrap: func(next http.RoundTripper) http.RoundTripper { b.Next = next; return b }})
	})
	known, slow := g.browser(), g.browser()
	known.signIn("yes")
	asked := slow.toProvider("/")
	release := make(chan struct{})
	g.service.Providers[0].Client.Timeout = 200 * time.Millisecond
	hung := &hanging{release: release}
	b.Mu.Lock()
	b.Next = hung
	b.Mu.Unlock()
	if r := slow.callback(asked); r.status != http.StatusServiceUnavailable {
		t.Errorf("while the provider hangs: %d", r.status)
	}
	if r := known.get("/"); r.status != http.StatusOK {
		t.Errorf("somebody signed in: %d", r.status)
	}
	close(release)
	calls := b.Set(0, "")
	if slow.callback(asked); b.Set(0, "") != calls {
		t.Error("the same code is redeemed again")
	}
}

type hanging struct{ release chan struct{} }

func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-h.release:
		return nil, http.ErrServerClosed
	}
}
