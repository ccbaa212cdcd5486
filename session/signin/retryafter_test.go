package signin

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// busy is a transport in front of a provider that answers every call with a status and Retry-After while it is set.
type busy struct {
	next http.RoundTripper

	mu     sync.Mutex
	status int
	after  string
	calls  int
}

func (b *busy) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	if b.status == 0 {
		return b.next.RoundTrip(r)
	}
	rec := httptest.NewRecorder()
	rec.Header().Set("Retry-After", b.after)
	rec.WriteHeader(b.status)
	return rec.Result(), nil
}

func (b *busy) set(status int, after string) (calls int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status, b.after = status, after
	return b.calls
}

// A provider that asks for a pause gets one: no call of any kind goes to it until then, and afterwards all goes on.
func TestRetryAfter(t *testing.T) {
	clock := storetest.NewClock()
	for name, test := range map[string]struct {
		status int
		after  string
		pause  time.Duration
	}{
		"429 in seconds":    {429, "30", 30 * time.Second},
		"503 in seconds":    {503, "7", 7 * time.Second},
		"a date":            {429, clock.Now().Add(time.Minute).UTC().Format(http.TimeFormat), time.Minute},
		"for ever":          {429, "2147483647", maxRetryAfter},
		"a past date":       {429, clock.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), 0},
		"nothing":           {429, "", 0},
		"nonsense":          {503, "soon", 0},
		"negative":          {429, "-5", 0},
		"another status":    {500, "30", 0},
		"beyond any number": {429, "99999999999999999999", 0},
	} {
		clock := storetest.NewClock()
		b := &busy{}
		p := &patience{next: b, now: clock.Now, until: map[string]time.Time{}}
		ask := func(target string) int {
			r := httptest.NewRequest(http.MethodPost, target, strings.NewReader("x"))
			r = r.WithContext(mayWait(r.Context()))
			resp, err := p.RoundTrip(r)
			if err != nil {
				if !errors.Is(err, errHeldOff) {
					t.Errorf("%s: %v", name, err)
				}
				return 0
			}
			return resp.StatusCode
		}
		b.set(test.status, test.after)
		ask("https://login.example/token")
		calls := b.set(http.StatusOK, "")
		if test.pause > 0 {
			clock.Advance(test.pause.Truncate(time.Second) - time.Second)
			if got := ask("https://LOGIN.example/keys"); got != 0 || b.set(http.StatusOK, "") != calls {
				t.Errorf("%s: asked within the pause: %d", name, got)
			}
			if got := ask("https://graph.example/groups"); got != http.StatusOK {
				t.Errorf("%s: another host: %d", name, got)
			}
			clock.Advance(time.Second)
		}
		if got := ask("https://login.example/token"); got != http.StatusOK {
			t.Errorf("%s: asked after the pause: %d", name, got)
		}
	}
}

func TestHeldOffIsBounded(t *testing.T) {
	b := &busy{status: 429, after: "30"}
	clock := storetest.NewClock()
	p := &patience{next: b, now: clock.Now, until: map[string]time.Time{}}
	for i := range 100 {
		r := httptest.NewRequest(http.MethodGet, "https://h"+strings.Repeat("x", i)+".example/", nil)
		_, _ = p.RoundTrip(r.WithContext(mayWait(r.Context())))
	}
	if len(p.until) > maxHeldOff {
		t.Errorf("%d hosts are kept in mind", len(p.until))
	}
}

// Field trial 2.9: a 429 that made-up codes have provoked holds off no sign-in, and no renewal either; one that a renewal
// has met holds off renewals alone.
func TestProviderAsksForAPause(t *testing.T) {
	b := &busy{}
	g := newGateway(t, func(s *settings) {
		s.client = NewIDPClient(nil, func(next http.RoundTripper) http.RoundTripper { b.next = next; return b })
		s.recheck = time.Hour
	})
	known, other := g.browser(), g.browser()
	known.signIn("yes")
	other.signIn("yes")
	stranger, person := g.browser(), g.browser()
	madeUp, asked := stranger.toProvider("/"), person.toProvider("/")
	b.set(http.StatusTooManyRequests, "120")
	if r := stranger.callback(madeUp); r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" ||
		g.log.last(t).Code != signinlog.ProviderUnavailable {
		t.Errorf("a made-up code: %d, log %+v", r.status, g.log.last(t))
	}
	state := g.service.Providers[0].State()
	if state.Failed.IsZero() || state.Err == "" || state.TokenErr == "" || state.Metadata.IsZero() || state.Keys.IsZero() {
		t.Errorf("state %+v", state)
	}
	b.set(0, "")
	if r := person.callback(asked); !stays(r.location) {
		t.Errorf("a sign-in within the pause that another's code has provoked: %d to %q", r.status, r.location)
	}
	if state := g.service.Providers[0].State(); state.TokenErr != "" {
		t.Errorf("state after a sign-in: %+v", state)
	}

	g.clock.Advance(2 * time.Hour)
	b.set(http.StatusTooManyRequests, "120")
	if r := known.get("/"); r.status != http.StatusOK {
		t.Errorf("a renewal that meets 429: %d", r.status)
	}
	calls := b.set(0, "")
	if r := other.get("/"); r.status != http.StatusOK || b.set(0, "") != calls {
		t.Errorf("another renewal within the pause: %d, %d calls", r.status, b.set(0, "")-calls)
	}
	late := g.browser()
	late.signIn("yes")
}

// A provider that answers too slowly is one that is down: the person is told in bounded time, the code is not redeemed
// twice, and others go on.
func TestSlowProvider(t *testing.T) {
	b := &busy{}
	g := newGateway(t, func(s *settings) {
		s.client = NewIDPClient(nil, func(next http.RoundTripper) http.RoundTripper { b.next = next; return b })
	})
	known, slow := g.browser(), g.browser()
	known.signIn("yes")
	asked := slow.toProvider("/")
	release := make(chan struct{})
	g.service.Providers[0].Client.Timeout = 200 * time.Millisecond
	hung := &hanging{release: release}
	b.mu.Lock()
	b.next = hung
	b.mu.Unlock()
	if r := slow.callback(asked); r.status != http.StatusServiceUnavailable {
		t.Errorf("while the provider hangs: %d", r.status)
	}
	if r := known.get("/"); r.status != http.StatusOK {
		t.Errorf("somebody signed in: %d", r.status)
	}
	close(release)
	calls := b.set(0, "")
	if slow.callback(asked); b.set(0, "") != calls {
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
