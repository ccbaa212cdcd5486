package pending_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
	"github.com/latchkey-gateway/latchkey/session/pending"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

var (
	ada   = session.Identity{Issuer: "https://login.example.com", Subject: "248289761001"}
	grace = session.Identity{Issuer: "https://login.example.com", Subject: "24400320"}
)

// world is a store, a clock, a keeper and a manager over both.
type world struct {
	*pending.Keeper
	sessions *session.Manager
	clock    *storetest.Clock
	store    *storetest.Interrupted
	memory   *storetest.Memory
	keys     *keyring.Ring
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{clock: storetest.NewClock(), keys: keyringtest.Ring(t, 'k')}
	w.memory = storetest.NewMemory(w.clock.Now)
	w.store = &storetest.Interrupted{Store: w.memory}
	w.Keeper = w.replica(pending.Config{})
	w.sessions = session.NewManager(session.ManagerConfig{Store: w.store, Keys: w.keys, Now: w.clock.Now})
	t.Cleanup(w.sessions.Close)
	return w
}

// replica is another keeper over the same store; what the configuration leaves out is as in the first.
func (w *world) replica(c pending.Config) *pending.Keeper {
	c.Store, c.Now = w.store, w.clock.Now
	if c.Keys == nil {
		c.Keys = w.keys
	}
	return pending.New(c)
}

func (w *world) create(t testing.TB, draft session.Record, tokens session.Tokens) (*session.Record, session.Token) {
	t.Helper()
	s, token, err := w.sessions.Create(t.Context(), draft, tokens)
	if err != nil {
		t.Fatalf("creating session: %v", err)
	}
	return s, token
}

// answer ends a pending sign-in as the step does that creates its session.
func (w *world) answer(k *pending.Keeper, token session.Token) (pending.SignIn, session.Tokens, error) {
	a, err := k.Answer(context.Background(), token)
	if err != nil {
		return pending.SignIn{}, session.Tokens{}, err
	}
	if _, err := w.store.Apply(context.Background(), session.Step{Take: a.Session.Take, From: a.Session.From}); err != nil {
		return pending.SignIn{}, session.Tokens{}, err
	}
	a.Done()
	return a.SignIn, a.Tokens, nil
}

func failOn(ops ...string) func(context.Context, string, session.Key) error {
	return func(_ context.Context, op string, _ session.Key) error {
		if slices.Contains(ops, op) {
			return session.ErrUnavailable
		}
		return nil
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// want holds an error against the one it should be; nil means none.
func want(t testing.TB, what string, got, wanted error) {
	t.Helper()
	if !errors.Is(got, wanted) || (wanted == nil && got != nil) {
		t.Errorf("%s: %v, want %v", what, got, wanted)
	}
}

func someTokens() session.Tokens {
	return session.Tokens{Refresh: "refresh", IDHeader: []byte("eyJhbGciOiJFUzI1NiJ9"), IDSignature: []byte("c2lnbmF0dXJl")}
}

func fullDraft() session.Record {
	return session.Record{
		Provider: "example", Identity: ada, ProviderSession: "sid-1", User: "ada", Name: "Ada Lovelace", Email: "ada@example.com",
		Claims: []byte(`{"sub":"248289761001"}`), Groups: []string{"staff"}, GroupsComplete: true, Kind: session.Persistent,
		KindReason: "answered yes", BrowserID: "b", FirstIP: "192.0.2.1", FirstAgent: "Mozilla/5.0",
	}
}

func draftOf(who session.Identity) session.Record {
	d := fullDraft()
	d.Identity, d.Kind = who, session.Browser
	return d
}
