package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// administered is an app that has sessions, and nothing else.
type administered struct {
	t      *testing.T
	store  *storetest.Memory
	app    *App
	server string
}

func newAdministered(t *testing.T) *administered {
	t.Helper()
	a := &administered{t: t, store: storetest.NewMemory(nil), app: new(App), server: adminServer(t).URL}
	ring, err := keyring.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	a.app.rt.logger = zap.NewNop()
	a.app.rt.sessions = session.NewManager(session.ManagerConfig{Store: a.store, Keys: ring})
	t.Cleanup(a.app.rt.sessions.Close)
	runs(t, a.app)
	return a
}

func (a *administered) signIn(subject, provider string, groups ...string) (*session.Record, session.Token) {
	a.t.Helper()
	s, token, err := a.app.rt.sessions.Create(a.t.Context(), session.Record{
		Identity: session.Identity{Issuer: "https://idp.example.com/a", Subject: subject}, User: subject, Provider: provider, Groups: groups,
	}, session.Tokens{Refresh: "secret-refresh-token"})
	if err != nil {
		a.t.Fatal(err)
	}
	return s, token
}

func (a *administered) ask(method, path, body string) (int, string) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.server+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode, readAll(a.t, resp)
}

func (a *administered) alive(token session.Token) bool {
	a.t.Helper()
	_, err := a.app.rt.sessions.Load(a.t.Context(), token)
	if err != nil && !errors.Is(err, session.ErrNotFound) {
		a.t.Fatal(err)
	}
	return err == nil
}

func TestAdminSessions(t *testing.T) {
	a := newAdministered(t)
	a.signIn("ada", "main", "staff", "admins")
	a.signIn("bob", "main", "staff")
	a.signIn("eve", "partner")
	for query, want := range map[string]int{
		"": 3, "?user=ada": 1, "?group=staff": 2, "?provider=partner": 1, "?user=ada&group=staff": 1, "?user=ada&provider=partner": 0, "?limit=2": 2,
	} {
		status, body := a.ask("GET", "/latchkey/sessions"+query, "")
		var answer sessionsAnswer
		if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK || len(answer.Sessions) != want {
			t.Errorf("%s: %d %s", query, status, body)
		}
		if answer.More != (query == "?limit=2") {
			t.Errorf("%s: more is %v", query, answer.More)
		}
		if strings.Contains(body, "secret") || strings.Contains(body, `"s:`) {
			t.Errorf("%s tells too much: %s", query, body)
		}
	}
	for _, query := range []string{"?limit=0", "?limit=x", "?limit=1001", "?who=ada", "?user="} {
		if status, body := a.ask("GET", "/latchkey/sessions"+query, ""); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
}

// A55: one session, or one person's, and nothing by another spelling of the path or another method.
func TestAdminEnds(t *testing.T) {
	a := newAdministered(t)
	ada, token := a.signIn("ada", "main")
	_, second := a.signIn("ada", "main")
	_, bob := a.signIn("bob/x", "main")
	id := ada.ID.Short()
	person := "/latchkey/users/" + url.PathEscape("https://idp.example.com/a") + "/" + url.PathEscape("bob/x") + "/sessions"
	for _, row := range []struct {
		method, path string
		status       int
	}{
		{"POST", "/latchkey/sessions/" + id, 405},
		{"DELETE", "/latchkey/sessions", 405},
		{"DELETE", "/latchkey/sessions/" + id + "/", 404},
		{"DELETE", "/latchkey/sessions/" + id + "?all=1", 400},
		{"DELETE", "/latchkey/sessions/0000000000", 404},
		{"DELETE", "/latchkey/sessions/" + string(ada.ID.Key()), 404},
		{"DELETE", "/latchkey/users/bob/sessions", 404},
		{"GET", person, 405},
	} {
		if status, body := a.ask(row.method, row.path, ""); status != row.status {
			t.Errorf("%s %s: %d %s, want %d", row.method, row.path, status, body, row.status)
		}
	}
	if !a.alive(token) || !a.alive(second) || !a.alive(bob) {
		t.Fatal("a request that was refused ended a session")
	}
	if status, body := a.ask("DELETE", "/latchkey/sessions/"+id, ""); status != 200 || body != "{\"ended\":1}\n" {
		t.Errorf("one session: %d %s", status, body)
	}
	if a.alive(token) || !a.alive(second) || !a.alive(bob) {
		t.Error("not this session alone was ended")
	}
	if status, body := a.ask("DELETE", person, ""); status != 200 || body != "{\"ended\":1}\n" {
		t.Errorf("one person: %d %s", status, body)
	}
	if !a.alive(second) || a.alive(bob) {
		t.Error("not this person's alone were ended")
	}
}

func TestAdminRevokeBefore(t *testing.T) {
	a := newAdministered(t)
	_, token := a.signIn("ada", "main")
	_, partner := a.signIn("eve", "partner")
	for _, body := range []string{
		``, `{}`, `{"before":""}`, `{"before":"soon"}`, `{"before":"2999-01-01T00:00:00Z"}`, `{"before":"0s","issuer":"x"}`,
		`{"before":"0s","provider":"main","app":"wiki"}`, `{"before":"0s","everybody":true}`, `{"before":"0s"}{"provider":"main"}`,
	} {
		if status, answer := a.ask("POST", "/latchkey/revoke-before", body); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
	if !a.alive(token) {
		t.Fatal("a request that was refused revoked a session")
	}
	if status, body := a.ask("POST", "/latchkey/revoke-before", `{"before":"0s","provider":"partner"}`); status != 200 {
		t.Errorf("a provider: %d %s", status, body)
	}
	if !a.alive(token) || a.alive(partner) {
		t.Error("not this provider's alone were ended")
	}
	if status, body := a.ask("POST", "/latchkey/revoke-before", `{"before":"0s"}`); status != 200 || a.alive(token) {
		t.Errorf("everybody: %d %s", status, body)
	}
}

// Revoking while the store is away is an error, never "ok"; the status is an answer all the same.
func TestAdminWhileTheStoreIsAway(t *testing.T) {
	a := newAdministered(t)
	ada, token := a.signIn("ada", "main")
	a.store.Fail(errors.New("away"))
	for path, call := range map[string][2]string{
		"/latchkey/sessions":                   {"GET", ""},
		"/latchkey/sessions/" + ada.ID.Short(): {"DELETE", ""},
		"/latchkey/users/i/s/sessions":         {"DELETE", ""},
		"/latchkey/revoke-before":              {"POST", `{"before":"0s"}`},
	} {
		if status, body := a.ask(call[0], path, call[1]); status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body := a.ask("GET", "/latchkey/status", ""); status != 200 || !strings.Contains(body, `"store":"unavailable"`) {
		t.Errorf("status: %d %s", status, body)
	}
	a.store.Fail(nil)
	if !a.alive(token) {
		t.Error("what failed has ended a session")
	}
	// It answers, but has not for long.
	if status, body := a.ask("GET", "/latchkey/status", ""); status != 200 || !strings.Contains(body, `"store":"degraded"`) {
		t.Errorf("status: %d %s", status, body)
	}
}

// An administrator who hangs up has ended what was asked for all the same: half of somebody's sessions is no answer.
func TestAdministratorHangsUp(t *testing.T) { // A61
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	for what, path := range map[string]string{
		"one session":   "/latchkey/sessions/",
		"a person's":    "/latchkey/users/" + url.PathEscape("https://idp.example.com/a") + "/ada/sessions",
		"all before":    "/latchkey/revoke-before",
		"nobody's: GET": "/latchkey/sessions",
	} {
		a := newAdministered(t)
		s, token := a.signIn("ada", "main")
		method, body := http.MethodDelete, ""
		switch what {
		case "one session":
			path += s.ID.Short()
		case "all before":
			method, body = http.MethodPost, `{"before":"0s"}`
		case "nobody's: GET":
			method = http.MethodGet
		}
		r := httptest.NewRequestWithContext(gone, method, path, strings.NewReader(body))
		err := (*adminAPI)(nil).serve(httptest.NewRecorder(), r)
		if changes := method != http.MethodGet; a.alive(token) == changes || (err == nil) != changes {
			t.Errorf("%s: alive %t, %v", what, a.alive(token), err)
		}
	}
}
