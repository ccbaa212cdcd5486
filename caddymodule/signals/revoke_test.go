package signals

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signals"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// revoking adds revoke to a stream.
func revoking(secret string) func(*config.Signals) {
	return func(c *config.Signals) { c.Revoke = &config.SignalsRevoke{Secret: secret} }
}

// assertion is one as Okta sends it; change replaces claims.
func (e *endpoint) assertion(change map[string]any) string {
	now := time.Now()
	claims := map[string]any{
		"iss": e.idp.URL, "sub": "latchkey", "aud": "https://wiki.example.com", "jti": session.NewRandom(12), "iat": now.Unix(),
		"nbf": now.Add(-5 * time.Minute).Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	for k, v := range change {
		claims[k] = v
	}
	key := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: e.idp.Key, KeyID: e.idp.KeyID}}
	return e.idp.SignWith(key, map[string]any{"typ": "global-token-revocation+jwt"}, claims)
}

func (e *endpoint) revoke(credential, body string, header ...string) (status int, h http.Header) {
	e.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/.latchkey/revoke", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if credential != "" {
		r.Header.Set("Authorization", "Bearer "+credential)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	e.Revoke(w, r, e.from)
	text, _ := io.ReadAll(w.Body)
	if w.Header().Get("Cache-Control") != "no-store" {
		e.t.Errorf("header %v", w.Header())
	}
	if status := w.Code; status == http.StatusNoContent || status >= 429 {
		if len(text) != 0 {
			e.t.Errorf("status %d with a body: %s", status, text)
		}
		return status, w.Header()
	}
	var said map[string]string
	if err := json.Unmarshal(text, &said); err != nil || said["error"] == "" || said["error_description"] == "" || strings.Contains(string(text), "evil") {
		e.t.Errorf("%s: %v", text, err)
	}
	return w.Code, w.Header()
}

const (
	ofAda   = `{"sub_id":{"format":"opaque","id":"ada"}}`
	ofAMail = `{"sub_id":{"format":"email","email":"evil@example.com"}}`
)

// Each answer of the draft, with the caller and the request that get it.
func TestRevokeAnswers(t *testing.T) {
	e := newEndpoint(t, revoking(""))
	foreign := newEndpoint(t, nil)
	for what, row := range map[string]struct {
		credential, body string
		header           []string
		status           int
	}{
		"a user":                          {e.assertion(nil), ofAda, nil, 204},
		"with a charset":                  {e.assertion(nil), ofAda, []string{"Content-Type", "application/json; charset=utf-8"}, 204},
		"no JSON":                         {e.assertion(nil), "evil", nil, 400},
		"empty":                           {e.assertion(nil), "", nil, 400},
		"an unknown format":               {e.assertion(nil), `{"sub_id":{"format":"evil"}}`, nil, 400},
		"as a form":                       {e.assertion(nil), "sub_id=ada", []string{"Content-Type", "application/x-www-form-urlencoded"}, 400},
		"without a content type":          {e.assertion(nil), ofAda, []string{"Content-Type", ""}, 400},
		"too long":                        {e.assertion(nil), strings.Repeat(" ", signals.MaxRevocation) + ofAda, nil, 400},
		"without a credential":            {"", ofAda, nil, 401},
		"with Basic":                      {"", ofAda, []string{"Authorization", "Basic bGF0Y2hrZXk6eA=="}, 401},
		"with a guess":                    {"evil", ofAda, nil, 401},
		"an event":                        {e.token(nil), ofAda, nil, 401},
		"for another gateway":             {e.assertion(map[string]any{"aud": "https://evil.example"}), ofAda, nil, 401},
		"of another issuer":               {foreign.assertion(nil), ofAda, nil, 401},
		"with another key":                {foreign.assertion(map[string]any{"iss": e.idp.URL}), ofAda, nil, 401},
		"not valid any more":              {e.assertion(map[string]any{"exp": 1000}), ofAda, nil, 401},
		"a user of another provider":      {e.assertion(nil), `{"sub_id":{"format":"iss_sub","iss":"https://evil.example","sub":"ada"}}`, nil, 403},
		"an address of no user":           {e.assertion(nil), ofAMail, nil, 404},
		"a session":                       {e.assertion(nil), `{"sub_id":{"format":"complex","session":{"format":"opaque","id":"evil"}}}`, nil, 422},
		"a tenant that is all its users":  {e.assertion(nil), `{"sub_id":{"format":"complex","tenant":{"format":"opaque","id":"evil"}}}`, nil, 422},
		"an assertion that comes doubled": {e.assertion(nil) + " " + e.assertion(nil), ofAda, nil, 401},
	} {
		status, h := e.revoke(row.credential, row.body, row.header...)
		if status != row.status {
			t.Errorf("%s: %d, want %d", what, status, row.status)
		}
		if challenge := h.Get("WWW-Authenticate"); strings.HasPrefix(challenge, "Bearer") != (status == 401) {
			t.Errorf("%s: challenge %q", what, challenge)
		}
	}
	once := e.assertion(nil)
	if status, _ := e.revoke(once, ofAda); status != 204 {
		t.Errorf("first: %d", status)
	}
	if status, _ := e.revoke(once, `{"sub_id":{"format":"opaque","id":"grace"}}`); status != 401 {
		t.Errorf("the same assertion for another user: %d", status)
	}
	e.store.Interrupt(func(context.Context, string, session.Key) error { return session.ErrUnavailable })
	again := e.assertion(nil)
	if status, h := e.revoke(again, ofAda); status != http.StatusServiceUnavailable || h.Get("Retry-After") == "" {
		t.Errorf("store down: %d %v", status, h)
	}
	e.store.Interrupt(nil)
	if status, _ := e.revoke(again, ofAda); status != 204 {
		t.Errorf("store up: %d", status)
	}
	e.idp.Set(func(p *oidctest.IDP) {
		p.Instead["/keys"] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	})
	fresh := newEndpoint(t, revoking(""))
	fresh.idp.Set(func(p *oidctest.IDP) {
		p.Instead["/keys"] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	})
	if status, _ := fresh.revoke(fresh.assertion(nil), ofAda); status != http.StatusServiceUnavailable {
		t.Errorf("without keys: %d", status)
	}
	for _, entry := range e.logs.All() {
		for _, field := range entry.Context {
			if strings.Contains(field.String, "evil") || strings.Contains(field.String, "eyJ") {
				t.Errorf("logged %s: %s", field.Key, field.String)
			}
		}
	}
	if n := e.logs.FilterMessage("request for revocation refused").Len(); n != 1 {
		t.Errorf("%d lines for the refused requests of a minute", n)
	}
	if e.count["global-token-revocation no_session"] == 0 || e.count["global-token-revocation unknown_user"] == 0 {
		t.Errorf("counted %v", e.count)
	}
}

// The proof of the caller decides for whose users a request is. A secret is the only proof of a stream that has one.
func TestRevokeOfSeveral(t *testing.T) {
	t.Setenv("REVOKE_ONE", "s3cret-one")
	t.Setenv("REVOKE_TWO", "s3cret-two")
	one, two, signed := "https://one.example.com", "https://two.example.com", newEndpoint(t, revoking(""))
	a := &config.App{Providers: []*config.Provider{
		{Name: "one", Issuer: one, ClientID: "latchkey"}, {Name: "two", Issuer: two, ClientID: "latchkey"}, {Name: "idp", Issuer: signed.idp.URL, ClientID: "latchkey"},
	}, Signals: []*config.Signals{
		{Name: "one", Issuer: one, Audience: []string{"a"}, Revoke: &config.SignalsRevoke{Secret: "{env.REVOKE_ONE}"}},
		{Name: "two", Issuer: two, Audience: []string{"a"}, Revoke: &config.SignalsRevoke{Secret: "{env.REVOKE_TWO}"}},
		{Name: "secret", Issuer: signed.idp.URL, Audience: []string{"https://wiki.example.com"}, Revoke: &config.SignalsRevoke{Secret: "{env.HOME}x"}},
		{Name: "other", Issuer: one, Audience: []string{"a"}, Push: &config.SignalsPush{}},
	}}
	if err := a.FillIn(); err != nil {
		t.Fatal(err)
	}
	streams, err := New(a, nil, Counters{Event: func(_, _, _ string) {}}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	streams.Start(signed.actor)
	t.Cleanup(streams.Stop)
	signed.Streams = streams
	of := func(issuer string) string {
		return `{"sub_id":{"format":"iss_sub","iss":"` + issuer + `","sub":"ada"}}`
	}
	for what, row := range map[string]struct {
		credential, body string
		status           int
	}{
		"one": {"s3cret-one", of(one), 204}, "two": {"s3cret-two", of(two), 204},
		"one about a user of two": {"s3cret-one", of(two), 403}, "two about a user of one": {"s3cret-two", of(one), 403},
		"a part of a secret": {"s3cret-", of(one), 401}, "a secret in capitals": {"S3CRET-ONE", of(one), 401}, "no secret": {"", of(one), 401},
		"an assertion where there is a secret": {signed.assertion(nil), of(signed.idp.URL), 401},
	} {
		if status, _ := signed.revoke(row.credential, row.body); status != row.status {
			t.Errorf("%s: %d, want %d", what, status, row.status)
		}
	}
	if streams.Has("one") || !streams.Has("other") || !streams.Revokes() {
		t.Error("push where it is not configured")
	}
	if new(Streams).Revokes() || (*Streams)(nil).Revokes() || newEndpoint(t, nil).Revokes() {
		t.Error("revoke where it is not configured")
	}
	t.Setenv("REVOKE_TWO", "s3cret-one")
	if _, err := New(a, nil, Counters{}, zap.NewNop()); err == nil || !strings.Contains(err.Error(), "the same secret") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("two streams with one secret: %v", err)
	}
}

// A21: an address that guesses is held off, and others are not. A caller who has the secret is never held off.
func TestRevokeFlood(t *testing.T) {
	t.Setenv("REVOKE_SECRET", "s3cret")
	e := newEndpoint(t, revoking("{env.REVOKE_SECRET}"))
	statuses := map[int]int{}
	for range 100 {
		status, _ := e.revoke("guess", ofAda)
		statuses[status]++
	}
	if statuses[401] < refusedRate.N || statuses[429] == 0 || len(statuses) != 2 {
		t.Errorf("%v", statuses)
	}
	if status, _ := e.revoke("s3cret", ofAda); status != 204 {
		t.Errorf("with the secret: %d", status)
	}
	e.from = netip.MustParseAddr("192.0.2.2")
	if status, _ := e.revoke("guess", ofAda); status != 401 {
		t.Errorf("another address: %d", status)
	}
}
