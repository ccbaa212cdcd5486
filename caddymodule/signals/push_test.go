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
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
	"github.com/latchkey-gateway/latchkey/session/signals"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// endpoint is the streams of a configuration, behind no site.
type endpoint struct {
	*Streams
	t     *testing.T
	idp   *oidctest.IDP
	store *storetest.Interrupted
	logs  *observer.ObservedLogs
	count map[string]int
	from  netip.Addr
}

func newEndpoint(t *testing.T, change func(*config.Signals)) *endpoint {
	t.Helper()
	e := &endpoint{t: t, idp: oidctest.New(t, time.Now), count: map[string]int{}, from: netip.MustParseAddr("192.0.2.1")}
	e.idp.Instead["/.well-known/ssf-configuration"] = func(w http.ResponseWriter, _ *http.Request) {
		oidctest.WriteJSON(w, http.StatusOK, map[string]any{"issuer": e.idp.URL, "jwks_uri": e.idp.URL + "/keys"})
	}
	c := &config.Signals{Name: "okta", Issuer: e.idp.URL, Audience: []string{"https://wiki.example.com"}, Push: &config.SignalsPush{}}
	if change != nil {
		change(c)
	}
	a := &config.App{Providers: []*config.Provider{{Issuer: e.idp.URL, ClientID: "latchkey"}}, Signals: []*config.Signals{c}}
	if err := a.FillIn(); err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zapcore.InfoLevel)
	streams, err := New(a, nil, Counters{Event: func(_, event, result string) { e.count[event+" "+result]++ }}, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	e.Streams, e.logs = streams, logs
	e.store = &storetest.Interrupted{Store: storetest.NewMemory(time.Now)}
	ring := keyringtest.Ring(t, 'k')
	manager := session.NewManager(session.ManagerConfig{Store: e.store, Keys: ring})
	t.Cleanup(manager.Close)
	env := access.NewEnvironment(access.Config{Sessions: manager, Store: e.store, Keys: ring, Log: signinlog.Sinks{}})
	streams.Start(&signals.Actor{Environment: env, Recorder: &access.Recorder{Environment: env}})
	t.Cleanup(streams.Stop)
	return e
}

func (e *endpoint) token(change map[string]any) string {
	claims := map[string]any{
		"iss": e.idp.URL, "aud": "https://wiki.example.com", "iat": time.Now().Unix(), "jti": session.NewRandom(12),
		"sub_id": map[string]any{"format": "iss_sub", "iss": e.idp.URL, "sub": "ada"},
		"events": map[string]any{"https://schemas.openid.net/secevent/risc/event-type/account-disabled": map[string]any{}},
	}
	for k, v := range change {
		claims[k] = v
	}
	key := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: e.idp.Key, KeyID: e.idp.KeyID}}
	return e.idp.SignWith(key, map[string]any{"typ": "secevent+jwt"}, claims)
}

func (e *endpoint) push(body string, header ...string) (status int, refusal map[string]string, h http.Header) {
	e.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/.latchkey/events/okta", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/secevent+jwt")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	e.Push(w, r, "okta", e.from)
	if w.Header().Get("Cache-Control") != "no-store" {
		e.t.Errorf("header %v", w.Header())
	}
	text, _ := io.ReadAll(w.Body)
	if w.Code == http.StatusBadRequest {
		if err := json.Unmarshal(text, &refusal); err != nil || refusal["description"] == "" || w.Header().Get("Content-Type") != "application/json" {
			e.t.Errorf("%s: %v", text, err)
		}
	} else if len(text) != 0 {
		e.t.Errorf("status %d with a body: %s", w.Code, text)
	}
	return w.Code, refusal, w.Header()
}

// RFC 8935: what is acknowledged, and the word for each refusal. A82: 503 while the store does not answer.
func TestPush(t *testing.T) {
	e := newEndpoint(t, nil)
	for what, row := range map[string]struct {
		body   string
		header []string
		status int
		err    string
	}{
		"an event":               {e.token(nil), nil, 202, ""},
		"an event on two lines":  {"\n" + e.token(nil) + "\n", nil, 202, ""},
		"of an unknown user":     {e.token(map[string]any{"sub_id": map[string]any{"format": "email", "email": "x@example.com"}}), nil, 202, ""},
		"of an unknown kind":     {e.token(map[string]any{"events": map[string]any{"https://e.example/x": map[string]any{}}}), nil, 202, ""},
		"with a charset":         {e.token(nil), []string{"Content-Type", "application/secevent+jwt; charset=utf-8"}, 202, ""},
		"as JSON":                {e.token(nil), []string{"Content-Type", "application/json"}, 400, "invalid_request"},
		"without a content type": {e.token(nil), []string{"Content-Type", ""}, 400, "invalid_request"},
		"empty":                  {"", nil, 400, "invalid_request"},
		"too long":               {strings.Repeat("x", 2*signals.MaxToken), nil, 400, "invalid_request"},
		"of another issuer":      {e.token(map[string]any{"iss": "https://evil.example"}), nil, 400, "invalid_issuer"},
		"for another receiver":   {e.token(map[string]any{"aud": "https://other.example"}), nil, 400, "invalid_audience"},
		"with another key":       {newEndpoint(t, nil).token(map[string]any{"iss": e.idp.URL}), nil, 400, "invalid_key"},
	} {
		status, refusal, h := e.push(row.body, row.header...)
		if status != row.status || refusal["err"] != row.err {
			t.Errorf("%s: %d %v", what, status, refusal)
		}
		if status == 400 && h.Get("Content-Language") != "en" {
			t.Errorf("%s: header %v", what, h)
		}
	}
	e.store.Interrupt(func(context.Context, string, session.Key) error { return session.ErrUnavailable })
	again := e.token(nil)
	if status, _, h := e.push(again); status != http.StatusServiceUnavailable || h.Get("Retry-After") == "" {
		t.Errorf("store down: %d %v", status, h)
	}
	e.store.Interrupt(nil)
	if status, _, _ := e.push(again); status != http.StatusAccepted {
		t.Errorf("store up: %d", status)
	}
	if e.count["account-disabled failed"] != 1 || e.count["unknown refused"] != 7 || e.count["unknown unknown_event"] != 1 {
		t.Errorf("counted %v", e.count)
	}
	for _, entry := range e.logs.All() {
		for _, field := range entry.Context {
			if strings.Contains(field.String, "evil.example") || strings.Contains(field.String, "eyJ") {
				t.Errorf("logged %s: %s", field.Key, field.String)
			}
		}
	}
	if n := e.logs.FilterMessage("event refused").Len(); n != 1 {
		t.Errorf("%d lines for the refused events of a minute", n)
	}
}

// The secret of a stream is required where there is one, and nothing but the whole secret will do.
func TestPushSecret(t *testing.T) {
	t.Setenv("PUSH_SECRET", "s3cret")
	e := newEndpoint(t, func(c *config.Signals) { c.Push.Secret = "{env.PUSH_SECRET}" })
	for sent, want := range map[string]int{
		"Bearer s3cret": 202, "bearer s3cret": 202, "": 400, "Bearer": 400, "Bearer ": 400, "Bearer s3cre": 400, "Bearer s3crets": 400,
		"Basic s3cret": 400, "s3cret": 400, "Bearer S3CRET": 400,
	} {
		status, refusal, _ := e.push(e.token(nil), "Authorization", sent)
		if status != want || want == 400 && refusal["err"] != "authentication_failed" {
			t.Errorf("%q: %d %v", sent, status, refusal)
		}
	}
	if n := e.idp.Count("/keys"); n != 1 {
		t.Errorf("%d fetches of keys", n)
	}
	if e.logs.FilterMessage("a secret stands in the configuration itself; use {env.NAME} or {file./path}").Len() != 0 {
		t.Error("a placeholder is taken for a secret")
	}
}

// A21: an address that sends many refused events is held off for a while, and others are not. A transmitter that has the
// secret is never held off.
func TestForgedFlood(t *testing.T) {
	e := newEndpoint(t, nil)
	statuses := map[int]int{}
	for range 100 {
		status, _, _ := e.push("forged")
		statuses[status]++
	}
	if statuses[400] < refusedRate.N || statuses[429] == 0 || len(statuses) != 2 {
		t.Errorf("%v", statuses)
	}
	if status, _, h := e.push(e.token(nil)); status != http.StatusTooManyRequests || h.Get("Retry-After") == "" {
		t.Errorf("held off: %d %v", status, h)
	}
	e.from = netip.MustParseAddr("192.0.2.2")
	if status, _, _ := e.push(e.token(nil)); status != http.StatusAccepted {
		t.Errorf("another address: %d", status)
	}
}
