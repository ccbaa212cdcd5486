package bearer

import (
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

const audience = "https://api.example.com"

var client = netip.MustParseAddr("192.0.2.1")

// world is a verifier with the provider whose tokens it accepts.
type world struct {
	t     *testing.T
	clock *storetest.Clock
	idp   *oidctest.IDP
	v     *Verifier
	mu    sync.Mutex // guards what follows
	// results are what OnToken was called with; vetted is how often Vet was, and vetErr what it answers.
	results []string
	vetted  int
	vetErr  error
}

func newWorld(t *testing.T, change func(*Config)) *world {
	t.Helper()
	w := &world{t: t, clock: storetest.NewClock()}
	w.idp = oidctest.New(t, w.clock.Now)
	p := oidc.New(oidc.Config{Name: "main", Issuer: w.idp.URL, ClientID: oidctest.Client, Now: w.clock.Now})
	if err := p.Discover(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := Config{
		Issuers: []*Issuer{OfProvider(p, []*oidc.Provider{p})}, Audience: []string{audience, "api"}, Now: w.clock.Now,
		OnToken: func(result string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.results = append(w.results, result)
		},
		Vet: func(context.Context, *session.Record) (session.Signalled, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.vetted++
			return session.Signalled{}, w.vetErr
		},
	}
	if change != nil {
		change(&c)
	}
	w.v = New(c)
	return w
}

// claims are those of a good token, with changes; nil deletes.
func (w *world) claims(change map[string]any) map[string]any {
	c := map[string]any{
		"iss": w.idp.URL, "aud": audience, "sub": "s-1", "iat": w.clock.Now().Unix(), "exp": w.clock.Now().Add(time.Hour).Unix(),
		"client_id": "cli", "scope": "read write", "jti": session.NewRandom(9), "preferred_username": "ada",
	}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func (w *world) sign(header, claims map[string]any) string {
	w.t.Helper()
	return w.idp.SignWith(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: w.idp.Key, KeyID: w.idp.KeyID}}, header, claims)
}

// token is a good token with changes to its claims.
func (w *world) token(change map[string]any) string {
	w.t.Helper()
	return w.sign(map[string]any{"typ": "at+jwt"}, w.claims(change))
}

func (w *world) verify(token string) (*Token, error) {
	w.t.Helper()
	return w.v.Verify(w.t.Context(), presented(schemeBearer, token), client)
}

// mustRefuse expects a refusal for a reason.
func (w *world) mustRefuse(what, token, reason string) {
	w.t.Helper()
	_, err := w.verify(token)
	if why := reasonOf(err); why != reason {
		w.t.Errorf("%s: %q (%v), want %q", what, why, err, reason)
	}
}

func presented(scheme, token string) Presented {
	return Presented{Scheme: scheme, Token: token, hash: sha256.Sum256([]byte(token))}
}

func reasonOf(err error) string {
	if refused, ok := errors.AsType[*Refused](err); ok {
		return refused.Reason
	}
	return ""
}
