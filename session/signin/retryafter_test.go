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
		_, _ = p.RoundTrip(httptest.NewRequest(http.MethodGet, "https://h"+strings.Repeat("x", i)+".example/", nil))
	}
	if len(p.until) > maxHeldOff {
		t.Errorf("%d hosts are kept in mind", len(p.until))
	}
}

// Somebody who signs in while the provider is held off is told so at once, and nobody who is signed in is touched.
func TestProviderAsksForAPause(t *testing.T) {
	b := &busy{}
	g := newGateway(t, func(s *settings) {
		s.client = NewIDPClient(nil, func(next http.RoundTripper) http.RoundTripper { b.next = next; return b })
		s.recheck = time.Hour
	})
	known := g.browser()
	known.signIn("yes")
	one, two := g.browser(), g.browser()
	first, second := one.toProvider("/"), two.toProvider("/")
	b.set(http.StatusTooManyRequests, "120")
	if r := one.callback(first); r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
		t.Errorf("the first: %d", r.status)
	}
	calls := b.set(http.StatusTooManyRequests, "120")
	if r := two.callback(second); r.status != http.StatusServiceUnavailable || g.log.last(t).Code != signinlog.ProviderUnavailable {
		t.Errorf("the second: %d, log %+v", r.status, g.log.last(t))
	}
	g.clock.Advance(3 * time.Hour)
	if r := known.get("/"); r.status != http.StatusOK {
		t.Errorf("somebody signed in, due for a renewal: %d", r.status)
	}
	if n := b.set(http.StatusTooManyRequests, "120"); n != calls {
		t.Errorf("%d calls within the pause", n-calls)
	}
	state := g.service.Providers[0].State()
	if state.Failed.IsZero() || state.Err == "" || state.Metadata.IsZero() || state.Keys.IsZero() {
		t.Errorf("state %+v", state)
	}
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
