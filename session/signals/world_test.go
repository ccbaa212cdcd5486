package signals

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/filestore"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

const login = "https://login.example.com"

// entries are what the sign-in log got.
type entries struct {
	mu  sync.Mutex
	all []signinlog.Record
}

func (e *entries) Write(r signinlog.Record) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, r)
}

// world is a gateway that receives a stream, as far as this package sees it.
type world struct {
	*sender
	*Receiver
	*Actor
	t       *testing.T
	store   session.Store
	manager *session.Manager
	ring    *keyring.Ring
	log     *entries
	told    []map[string]any
	results map[Result]int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{sender: newSender(t), t: t}
	w.over(storetest.NewMemory(w.clock.Now))
	return w
}

func (w *world) over(store session.Store) {
	w.store, w.ring, w.log, w.results = store, keyringtest.Ring(w.t, 'k'), &entries{}, map[Result]int{}
	w.manager = w.replica()
	w.Actor = w.actor(w.manager)
	w.Receiver = &Receiver{
		Name: "okta", Transmitter: *w.sender.Transmitter, Provider: Provider{Name: "main", Issuer: login, ClientID: "latchkey", Also: []string{w.IDP.URL}},
		OnReceived: func(_ string, _ Kind, r Result) { w.results[r]++ },
	}
}

// replica is another gateway over the same store.
func (w *world) replica() *session.Manager {
	m := session.NewManager(session.ManagerConfig{Store: w.store, Keys: w.ring, Now: w.clock.Now, Recheck: time.Minute})
	w.t.Cleanup(m.Close)
	return m
}

func (w *world) actor(m *session.Manager) *Actor {
	e := access.NewEnvironment(access.Config{
		Sessions: m, Store: w.store, Keys: w.ring, Log: w.log, Now: w.clock.Now,
		Notify: func(event string, data map[string]any) {
			data["event"] = event
			w.told = append(w.told, data)
		},
	})
	return &Actor{e, &access.Recorder{Environment: e}}
}

// signIn creates a session of a user who has authenticated now.
func (w *world) signIn(sub, sid string, change ...func(*session.Record)) session.Token {
	w.t.Helper()
	token, err := w.trySignIn(sub, sid, change...)
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

func (w *world) trySignIn(sub, sid string, change ...func(*session.Record)) (session.Token, error) {
	d := session.Record{
		Provider: "main", Identity: session.Identity{Issuer: login, Subject: sub}, User: sub, Email: sub + "@example.com", EmailVerified: true,
		KnownAs: []string{session.KnownAsMail(sub + "@Example.com")}, ProviderSession: sid, AuthTime: w.clock.Now(),
	}
	for _, f := range change {
		f(&d)
	}
	_, token, err := w.manager.Create(w.t.Context(), d, session.Tokens{})
	return token, err
}

func (w *world) lives(token session.Token) bool {
	w.t.Helper()
	_, err := w.manager.Reload(w.t.Context(), token)
	if err != nil && !errors.Is(err, session.ErrNotFound) {
		w.t.Fatal(err)
	}
	return err == nil
}

func (w *world) record(token session.Token) *session.Record {
	w.t.Helper()
	s, err := w.manager.Reload(w.t.Context(), token)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := s.Record()
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// push has an event received, and holds what came of it.
func (w *world) push(want Result, change dict) string {
	w.t.Helper()
	raw := w.token(nil, change)
	w.again(want, raw)
	return raw
}

func (w *world) again(want Result, raw string) {
	w.t.Helper()
	before := w.results[want]
	if err := w.Receive(w.t.Context(), w.Actor, raw); err != nil {
		w.t.Fatal(err)
	}
	if w.results[want] != before+1 {
		w.t.Fatalf("want %s: %v", want, w.results)
	}
}

func event(uri string, body dict) dict { return dict{uri: body} }

func sub(name string) dict { return dict{"format": "iss_sub", "iss": login, "sub": name} }

func mail(address string) dict { return dict{"format": "email", "email": address} }

// inStores runs a test over each store that a gateway can have.
func inStores(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for name, open := range map[string]func(t *testing.T, now func() time.Time) session.Store{
		"memory": func(_ *testing.T, now func() time.Time) session.Store { return storetest.NewMemory(now) },
		"file": func(t *testing.T, now func() time.Time) session.Store {
			s, err := filestore.Open(filestore.Config{Path: t.TempDir() + "/sessions.db", Now: now})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			return s
		},
		"redis": func(t *testing.T, now func() time.Time) session.Store {
			s, err := redisstore.Open(redisstore.Config{URL: redistest.Start(t).URL(0), Now: now})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{sender: newSender(t), t: t}
			w.over(open(t, w.clock.Now))
			test(t, w)
		})
	}
}
