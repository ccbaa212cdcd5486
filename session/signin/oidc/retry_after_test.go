package oidc

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

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
		b := &oidctest.Busy{}
		p := newRetryAfterTransport(b, clock.Now, nil)
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
		b.Set(test.status, test.after)
		ask("https://login.example/token")
		calls := b.Set(http.StatusOK, "")
		if test.pause > 0 {
			clock.Advance(test.pause.Truncate(time.Second) - time.Second)
			if got := ask("https://LOGIN.example/keys"); got != 0 || b.Set(http.StatusOK, "") != calls {
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
	b := &oidctest.Busy{Status: 429, After: "30"}
	clock := storetest.NewClock()
	p := newRetryAfterTransport(b, clock.Now, nil)
	held := 0
	for i := range 100 {
		host := "h" + strings.Repeat("x", i) + ".example"
		r := httptest.NewRequest(http.MethodGet, "https://"+host+"/", nil)
		_, _ = p.RoundTrip(r.WithContext(mayWait(r.Context())))
		if _, is := p.hosts.Get(host, clock.Now()); is {
			held++
		}
	}
	if held != maxHeldOff {
		t.Errorf("%d hosts are held off, want %d", held, maxHeldOff)
	}
}
