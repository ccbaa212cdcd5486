package adminapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
)

func TestAdminSessions(t *testing.T) {
	a := apptest.NewAdministered(t, app.Parts{})
	a.SignIn("ada", "main", "staff", "admins")
	a.SignIn("bob", "main", "staff")
	a.SignIn("eve", "partner")
	for query, want := range map[string]int{
		"": 3, "?user=ada": 1, "?group=staff": 2, "?provider=partner": 1, "?user=ada&group=staff": 1, "?user=ada&provider=partner": 0, "?limit=2": 2,
	} {
		status, body := a.Ask("GET", "/latchkey/sessions"+query, "")
		var answer SessionsAnswer
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
		if status, body := a.Ask("GET", "/latchkey/sessions"+query, ""); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
}

// A55: one session, or one person's, and nothing by another spelling of the path or another method.
func TestAdminEnds(t *testing.T) {
	a := apptest.NewAdministered(t, app.Parts{})
	ada, token := a.SignIn("ada", "main")
	_, second := a.SignIn("ada", "main")
	_, bob := a.SignIn("bob/x", "main")
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
		if status, body := a.Ask(row.method, row.path, ""); status != row.status {
			t.Errorf("%s %s: %d %s, want %d", row.method, row.path, status, body, row.status)
		}
	}
	if !a.Alive(token) || !a.Alive(second) || !a.Alive(bob) {
		t.Fatal("a request that was refused ended a session")
	}
	if status, body := a.Ask("DELETE", "/latchkey/sessions/"+id, ""); status != 200 || body != "{\"ended\":1}\n" {
		t.Errorf("one session: %d %s", status, body)
	}
	if a.Alive(token) || !a.Alive(second) || !a.Alive(bob) {
		t.Error("not this session alone was ended")
	}
	if status, body := a.Ask("DELETE", person, ""); status != 200 || body != "{\"ended\":1}\n" {
		t.Errorf("one person: %d %s", status, body)
	}
	if !a.Alive(second) || a.Alive(bob) {
		t.Error("not this person's alone were ended")
	}
}

func TestAdminRevokeBefore(t *testing.T) {
	a := apptest.NewAdministered(t, app.Parts{})
	_, token := a.SignIn("ada", "main")
	_, partner := a.SignIn("eve", "partner")
	for _, body := range []string{
		``, `{}`, `{"before":""}`, `{"before":"soon"}`, `{"before":"2999-01-01T00:00:00Z"}`, `{"before":"0s","issuer":"x"}`,
		`{"before":"0s","provider":"main","app":"wiki"}`, `{"before":"0s","everybody":true}`, `{"before":"0s"}{"provider":"main"}`,
	} {
		if status, answer := a.Ask("POST", "/latchkey/revoke-before", body); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
	if !a.Alive(token) {
		t.Fatal("a request that was refused revoked a session")
	}
	if status, body := a.Ask("POST", "/latchkey/revoke-before", `{"before":"0s","provider":"partner"}`); status != 200 {
		t.Errorf("a provider: %d %s", status, body)
	}
	if !a.Alive(token) || a.Alive(partner) {
		t.Error("not this provider's alone were ended")
	}
	if status, body := a.Ask("POST", "/latchkey/revoke-before", `{"before":"0s"}`); status != 200 || a.Alive(token) {
		t.Errorf("everybody: %d %s", status, body)
	}
}

// Revoking while the store is away is an error, never "ok"; the status is an answer all the same.
func TestAdminWhileTheStoreIsAway(t *testing.T) {
	a := apptest.NewAdministered(t, app.Parts{})
	ada, token := a.SignIn("ada", "main")
	a.Store.Fail(errors.New("away"))
	for path, call := range map[string][2]string{
		"/latchkey/sessions":                   {"GET", ""},
		"/latchkey/sessions/" + ada.ID.Short(): {"DELETE", ""},
		"/latchkey/users/i/s/sessions":         {"DELETE", ""},
		"/latchkey/revoke-before":              {"POST", `{"before":"0s"}`},
	} {
		if status, body := a.Ask(call[0], path, call[1]); status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body := a.Ask("GET", "/latchkey/status", ""); status != 200 || !strings.Contains(body, `"store":"unavailable"`) {
		t.Errorf("status: %d %s", status, body)
	}
	a.Store.Fail(nil)
	if !a.Alive(token) {
		t.Error("what failed has ended a session")
	}
	// It answers, but has not for long.
	if status, body := a.Ask("GET", "/latchkey/status", ""); status != 200 || !strings.Contains(body, `"store":"degraded"`) {
		t.Errorf("status: %d %s", status, body)
	}
}

// The request of an administrator who disconnects is still completed: ending half of a user's sessions is no result.
func TestAdministratorHangsUp(t *testing.T) { // A61
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	for what, path := range map[string]string{
		"one session":   "/latchkey/sessions/",
		"a person's":    "/latchkey/users/" + url.PathEscape("https://idp.example.com/a") + "/ada/sessions",
		"all before":    "/latchkey/revoke-before",
		"nobody's: GET": "/latchkey/sessions",
	} {
		a := apptest.NewAdministered(t, app.Parts{})
		s, token := a.SignIn("ada", "main")
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
		w := httptest.NewRecorder()
		apptest.AdminServer(t).Config.Handler.ServeHTTP(w, r)
		if changes := method != http.MethodGet; a.Alive(token) == changes || (w.Code == http.StatusOK) != changes {
			t.Errorf("%s: alive %t, %d", what, a.Alive(token), w.Code)
		}
	}
}
