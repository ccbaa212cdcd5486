package apptest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/keystorage"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// Administered is a running app that has sessions, and the admin endpoint that it answers at.
type Administered struct {
	T      *testing.T
	Store  *storetest.Memory
	App    *app.App
	Server string // the URL of the admin endpoint
}

// NewAdministered runs an app of parts and of sessions under a key that the configuration lists.
func NewAdministered(t *testing.T, parts app.Parts) *Administered {
	t.Helper()
	return administer(t, parts, session.ManagerConfig{Store: storetest.NewMemory(nil), Keys: NewRing(t)})
}

// NewKeyed runs an app that has sessions under a key ring in a storage. Time passes by the clock alone.
func NewKeyed(t *testing.T) (*Administered, *storetest.Clock) {
	t.Helper()
	clock := storetest.NewClock()
	storage := &certmagic.FileStorage{Path: t.TempDir()}
	keys, _, err := keystorage.LoadOrMake(t.Context(), storage, clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	ring := new(keyring.Ring)
	if err := ring.Replace(keys, clock.Now()); err != nil {
		t.Fatal(err)
	}
	keeper := keystorage.New(keystorage.Config{
		Ring: ring, Storage: storage, Logger: zap.NewNop(), Now: clock.Now, Life: 180*24*time.Hour + keystorage.Margin,
		Rotate: config.DefaultKeysRotate, Tell: func(context.Context) {}, // there is no other replica
	})
	keeper.Start()
	t.Cleanup(keeper.Close)
	a := administer(t, app.Parts{Keeper: keeper}, session.ManagerConfig{Store: storetest.NewMemory(clock.Now), Keys: ring, Now: clock.Now})
	return a, clock
}

// Seals waits until the key with this ID seals in an app that NewKeyed has made. Its time must have come by the clock.
func (a *Administered) Seals(id string) {
	a.T.Helper()
	keeper := a.App.Keeper()
	for range 1000 {
		keeper.Heard() // it reads the clock when it is woken
		for _, k := range keeper.Ring.Keys() {
			if k.Seals && k.ID.String() == id {
				return
			}
		}
		retry.Sleep(a.T.Context(), 10*time.Millisecond)
	}
	a.T.Fatalf("key %s does not seal: %+v", id, keeper.Ring.Keys())
}

// NewRing is a key ring of one key.
func NewRing(t *testing.T) *keyring.Ring {
	t.Helper()
	ring, err := keyring.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func administer(t *testing.T, parts app.Parts, c session.ManagerConfig) *Administered {
	t.Helper()
	parts.Sessions = session.NewManager(c)
	if c.Now == nil {
		c.Now = time.Now
	}
	parts.Tokens = apitoken.New(apitoken.Config{Vault: session.Vault{Store: c.Store, Keys: c.Keys}, Sessions: parts.Sessions, Now: c.Now})
	t.Cleanup(parts.Sessions.Close)
	a := &Administered{T: t, Store: c.Store.(*storetest.Memory), App: app.Of(parts), Server: AdminServer(t).URL}
	Run(t, a.App)
	return a
}

// SignIn makes a session of a user.
func (a *Administered) SignIn(subject, provider string, groups ...string) (*session.Record, session.Token) {
	a.T.Helper()
	s, token, err := a.App.Sessions().Create(a.T.Context(), session.Record{
		Identity: session.Identity{Issuer: "https://idp.example.com/a", Subject: subject}, User: subject, Provider: provider, Groups: groups,
	}, session.Tokens{Refresh: "secret-refresh-token"})
	if err != nil {
		a.T.Fatal(err)
	}
	return s, token
}

// Alive tells whether a session is live.
func (a *Administered) Alive(token session.Token) bool {
	a.T.Helper()
	_, err := a.App.Sessions().Load(a.T.Context(), token)
	if err != nil && !errors.Is(err, session.ErrNotFound) {
		a.T.Fatal(err)
	}
	return err == nil
}

// Ask sends a request to the admin endpoint.
func (a *Administered) Ask(method, path, body string) (status int, answer string) {
	a.T.Helper()
	r, err := http.NewRequestWithContext(a.T.Context(), method, a.Server+path, strings.NewReader(body))
	if err != nil {
		a.T.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		a.T.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		a.T.Fatal(err)
	}
	return resp.StatusCode, string(read)
}

// Must is Ask for a request whose answer has a known status.
func (a *Administered) Must(status int, method, path, body string) (answer string) {
	a.T.Helper()
	got, answer := a.Ask(method, path, body)
	if got != status {
		a.T.Fatalf("%s %s %s: %d %s, want %d", method, path, body, got, answer, status)
	}
	return answer
}
