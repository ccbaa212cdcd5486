package refresh_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/refresh"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// A coordinator leaves no goroutine behind once it is closed.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a store, a clock, a coordinator and a manager over both.
type world struct {
	*refresh.Coordinator
	sessions *session.Manager
	clock    *storetest.Clock
	store    *storetest.Memory
}

func newWorld(t *testing.T) *world {
	t.Helper()
	keys, err := keyring.New(bytes.Repeat([]byte{'k'}, keyring.MinSecret))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{clock: storetest.NewClock()}
	w.store = storetest.NewMemory(w.clock.Now)
	w.Coordinator = w.replica(t)
	w.sessions = session.NewManager(session.ManagerConfig{Store: w.store, Keys: keys, Now: w.clock.Now})
	t.Cleanup(w.sessions.Close)
	return w
}

// replica is another coordinator over the same store.
func (w *world) replica(t *testing.T) *refresh.Coordinator {
	r := refresh.New(w.store, w.clock.Now)
	t.Cleanup(r.Close)
	return r
}

func (w *world) create(t *testing.T, tokens session.Tokens) (*session.Record, session.Token) {
	t.Helper()
	s, token, err := w.sessions.Create(t.Context(), session.Record{
		Identity: session.Identity{Issuer: "https://login.example.com", Subject: "248289761001"}, Kind: session.Browser,
	}, tokens)
	if err != nil {
		t.Fatalf("creating session: %v", err)
	}
	return s, token
}

func failOn(ops ...string) func(context.Context, string, session.Key) error {
	return func(_ context.Context, op string, _ session.Key) error {
		if slices.Contains(ops, op) {
			return session.ErrUnavailable
		}
		return nil
	}
}

// want holds an error against the one it should be; nil means none.
func want(t testing.TB, what string, got, wanted error) {
	t.Helper()
	if !errors.Is(got, wanted) || (wanted == nil && got != nil) {
		t.Errorf("%s: %v, want %v", what, got, wanted)
	}
}
