package signals

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

const receiver = "https://gateway.example.com"

type dict = map[string]any

// sender is a transmitter that can say anything, and the receiver that knows it.
type sender struct {
	*oidctest.IDP
	*Transmitter
	clock *storetest.Clock
}

func newSender(t testing.TB) *sender {
	t.Helper()
	clock := storetest.NewClock()
	p := oidctest.New(t, clock.Now)
	return &sender{IDP: p, clock: clock, Transmitter: &Transmitter{
		Issuer: p.URL, Audience: []string{receiver}, Now: clock.Now,
		Keys: &jwks.Set{
			URL:    func(context.Context) (string, error) { return p.URL + "/keys", nil },
			Client: http.DefaultClient, Now: clock.Now,
		},
	}}
}

var ada = dict{"format": "iss_sub", "iss": "https://login.example.com", "sub": "ada"}

// claims are those of a good token; nil deletes one.
func (s *sender) claims(change dict) dict {
	claims := dict{
		"iss": s.IDP.URL, "aud": receiver, "iat": s.clock.Now().Unix(), "jti": session.NewRandom(12), "sub_id": ada,
		"events": dict{caep + "session-revoked": dict{}},
	}
	maps.Copy(claims, change)
	for k, v := range claims {
		if v == nil {
			delete(claims, k)
		}
	}
	return claims
}

func (s *sender) token(header, change dict) string {
	key := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: s.Key, KeyID: s.KeyID}}
	all := dict{"typ": "secevent+jwt"}
	maps.Copy(all, header)
	for k, v := range all {
		if v == nil {
			delete(all, k)
		}
	}
	return s.SignWith(key, all, s.claims(change))
}

func (s *sender) verify(t *testing.T, raw string) (*Token, Code) {
	t.Helper()
	token, err := s.Verify(t.Context(), raw)
	var refused *Refused
	switch {
	case errors.As(err, &refused):
		if token != nil || refused.Description == "" {
			t.Errorf("refused with %v, %q", token, refused.Description)
		}
		return nil, refused.Code
	case err != nil:
		t.Fatal(err)
	}
	return token, ""
}

func (s *sender) good(t *testing.T, change dict) *Token {
	t.Helper()
	token, code := s.verify(t, s.token(nil, change))
	if token == nil {
		t.Fatalf("refused: %s", code)
	}
	return token
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// keysFunc are keys that answer what a test wants.
type keysFunc func(token string) ([]byte, error)

func (f keysFunc) VerifySignature(_ context.Context, token string) ([]byte, error) { return f(token) }
