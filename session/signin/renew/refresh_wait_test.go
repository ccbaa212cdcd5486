package renew

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// renewAfter is how old claims may be.
const renewAfter = time.Hour

// waiting is a session whose claims are twice as old as they may be, and a renewer that never hears from its provider. It
// lives in a bubble of synctest.
type waiting struct {
	*Renewer
	t     *testing.T
	who   *session.Record
	token session.Token
}

func newWaiting(t *testing.T) *waiting {
	ring, err := keyring.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	store := storetest.NewMemory(time.Now)
	sessions := session.NewManager(session.ManagerConfig{Store: store, Keys: ring})
	t.Cleanup(sessions.Close)
	who, token, err := sessions.Create(t.Context(), session.Record{
		Identity: session.Identity{Issuer: "https://login.example.com", Subject: "s-1"}, Kind: session.Persistent,
		Provider: "main", GroupsAsOf: time.Now(),
	}, session.Tokens{Refresh: "refresh"})
	if err != nil {
		t.Fatal(err)
	}
	main := oidc.New(oidc.Config{Name: "main", Issuer: "https://login.example.com"})
	e := access.NewEnvironment(access.Config{Providers: []*oidc.Provider{main}, Sessions: sessions, Store: store, Keys: ring, Recheck: renewAfter})
	<-time.After(2 * renewAfter)
	return &waiting{Renewer: New(e, &access.Recorder{Environment: e}), t: t, who: who, token: token}
}

// recheck holds the session against the age of its claims, as a request does, and returns what it goes on with.
func (w *waiting) recheck() (*session.Record, error) {
	live, err := w.Recheck(httptest.NewRequest(http.MethodGet, "/", nil), w.who.Session(), w.token)
	if err != nil {
		return nil, err
	}
	if live == w.who.Session() {
		return w.who, nil
	}
	return live.Record()
}

// request is held against the age of its claims, and tells what it goes on with and how long it has waited.
func (w *waiting) request() (*session.Record, time.Duration) {
	w.t.Helper()
	began := time.Now()
	got, err := w.recheck()
	if err != nil {
		w.t.Error(err)
	}
	return got, time.Since(began)
}

// A replica that died while it renewed a session, or could not give its lease back because the store was away, holds up
// the requests of one moment, and nobody after them: else every request waits for it in turn until the lease has passed.
func TestRenewalOfTheDeadIsWaitedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(t)
		if _, err := w.refreshing.Lease(t.Context(), w.who.ID); err != nil {
			t.Fatal(err)
		}
		var at sync.WaitGroup
		for range 20 { // the requests of one page
			at.Go(func() {
				if got, d := w.request(); got != w.who || d != recheckWait {
					t.Errorf("who came first waited %v", d)
				}
			})
		}
		at.Wait()
		for range 20 {
			if got, d := w.request(); got != w.who || d != 0 {
				t.Errorf("who came after waited %v", d)
			}
		}
		<-time.After(recheckPause)
		if _, d := w.request(); d != recheckWait {
			t.Errorf("after a while another try waits %v", d)
		}
	})
}

// Claims that are too old do not pass because somebody else is at it (D4), neither at first nor when nobody waits any more.
func TestRenewalOfOthersIsNoExcuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(t)
		<-time.After(recheckOutage)
		if _, err := w.refreshing.Lease(t.Context(), w.who.ID); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			_, err := w.recheck()
			if !errors.Is(err, oidc.ErrProviderDown) {
				t.Errorf("got %v", err)
			}
		}
	})
}

// A failover may have forgotten that another replica has just used the refresh token: what that one writes again is waited
// for, and the token not sent a second time, which would end the session at the provider.
func TestNoTokenIsSentThatAFailoverBroughtBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(t)
		w.Sessions.NoteFailure(session.ErrUnavailable)
		var other sync.WaitGroup
		other.Go(func() {
			<-time.After(2 * time.Second)
			fresh := *w.who
			fresh.GroupsAsOf = time.Now()
			if _, err := w.Sessions.Renew(t.Context(), w.who, w.token, fresh, session.Tokens{Refresh: "refresh-2"}); err != nil {
				t.Error(err)
			}
		})
		got, d := w.request()
		if tokens, err := w.Sessions.Tokens(got, w.token); err != nil || tokens.Refresh != "refresh-2" {
			t.Errorf("after %v it goes on with %q, %v", d, tokens.Refresh, err)
		}
		other.Wait()
	})
}
