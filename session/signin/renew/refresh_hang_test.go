package renew

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// providerTimeout is how long one request to a provider may take.
const providerTimeout = 10 * time.Second

// mute is a provider that takes every request and answers none, until it is to refuse.
type mute struct{ refuses atomic.Bool }

func (m *mute) RoundTrip(r *http.Request) (*http.Response, error) {
	if !m.refuses.Load() {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	body := io.NopCloser(strings.NewReader(`{"error":"invalid_request"}`))
	return &http.Response{StatusCode: http.StatusBadRequest, Body: body, Header: http.Header{}, Request: r}, nil
}

// another is one more session of the same age.
func (w *waiting) another() *waiting {
	who, token, err := w.Sessions.Create(w.t.Context(), session.Record{
		Identity: w.who.Identity, Kind: session.Persistent, Provider: "main", GroupsAsOf: w.who.GroupsAsOf,
	}, session.Tokens{Refresh: "refresh"})
	if err != nil {
		w.t.Fatal(err)
	}
	return &waiting{Renewer: w.Renewer, t: w.t, who: who, token: token}
}

// Field trial 4.11: a provider that hangs costs the requests of one session its time-out. Those of others wait a second at
// most while nobody knows, and not at all afterwards; their renewals are tried all the same.
func TestProviderThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(t)
		provider := &mute{}
		p := w.Providers[0]
		p.Client = &http.Client{Transport: oidctest.Document{Issuer: p.Issuer, Next: provider}, Timeout: providerTimeout}
		if err := p.Discover(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.StartTasks()
		defer w.Close()
		defer w.StopTasks()
		costs := func(who *waiting, want time.Duration) {
			t.Helper()
			if got, took := who.request(); got.ID != who.who.ID || took != want {
				t.Errorf("waited %v, want %v", took, want)
			}
		}
		other, third, fourth := w.another(), w.another(), w.another()
		var all sync.WaitGroup
		all.Go(func() { costs(w, providerTimeout) })
		synctest.Wait()
		all.Go(func() { costs(other, renewPatience) })
		<-time.After(renewPatience + time.Millisecond)
		costs(third, 0)
		all.Wait()
		<-time.After(recheckPause) // all have failed by now
		costs(fourth, 0)
		costs(third, 0)
		if _, tried := w.renewing.Load(fourth.token.ID); !tried {
			t.Error("the renewal that nobody waits for is not tried")
		}
		<-time.After(providerTimeout)

		// Any answer shows that it does not hang any more.
		provider.refuses.Store(true)
		<-time.After(2 * longestPause)
		costs(fourth, 0)
		synctest.Wait()
		if p.Unanswering() {
			t.Error("it is still held to give no answers")
		}
	})
}
