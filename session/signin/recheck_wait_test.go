package signin

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// A replica that died while it renewed a session, or could not give its lease back because the store was away, holds up
// the requests of one moment, and nobody after them: else every request waits for it in turn until the lease has passed.
func TestRenewalOfTheDeadIsWaitedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring, err := session.NewKeyRing([]byte("0123456789abcdef0123456789abcdef"))
		if err != nil {
			t.Fatal(err)
		}
		store := storetest.NewMemory(time.Now)
		sessions := session.NewManager(session.ManagerConfig{Store: store, Keys: ring})
		defer sessions.Close()
		who, token, err := sessions.Create(t.Context(), session.Session{
			Identity: session.Identity{Issuer: "https://login.example.com", Subject: "s-1"}, Kind: session.Persistent,
			Provider: "main", GroupsAsOf: time.Now(),
		}, session.Tokens{Refresh: "refresh"})
		if err != nil {
			t.Fatal(err)
		}
		main := NewProvider(ProviderConfig{Name: "main", Issuer: "https://login.example.com"})
		s := New(Config{Providers: []*Provider{main}, Sessions: sessions, Store: store, Keys: ring, Recheck: recheck})
		waits := func() time.Duration {
			began := time.Now()
			if got, err := s.Recheck(httptest.NewRequest(http.MethodGet, "/", nil), who, token); err != nil || got != who {
				t.Errorf("got %v, %v", got, err)
			}
			return time.Since(began)
		}
		time.Sleep(2 * recheck)
		if _, err := sessions.LeaseRenewal(t.Context(), who); err != nil {
			t.Fatal(err)
		}
		var at sync.WaitGroup
		for range 20 { // the requests of one page
			at.Go(func() {
				if d := waits(); d != recheckWait {
					t.Errorf("who came first waited %v", d)
				}
			})
		}
		at.Wait()
		for range 20 {
			if d := waits(); d != 0 {
				t.Errorf("who came after waited %v", d)
			}
		}
		time.Sleep(recheckPause)
		if d := waits(); d != recheckWait {
			t.Errorf("after a while another try waits %v", d)
		}
	})
}
