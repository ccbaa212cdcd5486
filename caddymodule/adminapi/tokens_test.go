package adminapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
)

const issuer = "https://idp.example.com/a"

func makeToken(t *testing.T, a *apptest.Administered, body string) (made MadeToken) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.Must(http.StatusOK, "POST", TokensPath, body)), &made); err != nil {
		t.Fatal(err)
	}
	if id, ok := apitoken.ID(made.Token); !ok || id.Short() != made.ID {
		t.Fatalf("no token: %s", made.ID)
	}
	return made
}

func listTokens(t *testing.T, a *apptest.Administered, query string) (answer TokensAnswer) {
	t.Helper()
	body := a.Must(http.StatusOK, "GET", TokensPath+query, "")
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(body, "lk_") || strings.Contains(body, `"t:`) {
		t.Errorf("%s tells too much: %s", query, body)
	}
	return answer
}

func TestAdminTokens(t *testing.T) {
	a := apptest.NewAdministered(t, app.Parts{TokenApps: []string{"git", "wiki"}})
	a.SignIn("ada", "main", "staff")
	adas := makeToken(t, a, `{"issuer":"`+issuer+`","subject":"ada","app":"git","name":"laptop","expires":"30d"}`)
	makeToken(t, a, `{"issuer":"`+issuer+`","subject":"ada","app":"wiki","name":"sync"}`)
	backups := makeToken(t, a, `{"service":"backup","groups":["robots","night"],"app":"git","name":"nightly"}`)
	if life := time.Until(adas.Expires); life < 30*24*time.Hour-time.Minute || life > 30*24*time.Hour {
		t.Errorf("it lives for %v", life)
	}
	for query, want := range map[string]int{
		"": 3, "?user=ada": 2, "?user=bob": 0, "?service=backup": 1, "?service=x": 0, "?app=git": 2, "?app=git&user=ada": 1, "?user=backup": 0,
		"?user=service:backup": 0,
	} {
		if got := listTokens(t, a, query); len(got.Tokens) != want || got.More || got.Cursor != "" {
			t.Errorf("%s: %+v", query, got)
		}
	}
	first := listTokens(t, a, "?limit=2")
	rest := listTokens(t, a, "?cursor="+first.Cursor)
	if len(first.Tokens) != 2 || !first.More || len(rest.Tokens) != 1 {
		t.Errorf("pages of %d and %d", len(first.Tokens), len(rest.Tokens))
	}
	one := listTokens(t, a, "?service=backup").Tokens[0]
	id, _ := apitoken.ID(backups.Token)
	token, _, err := app.Tokens(a.App).Find(t.Context(), id, "git")
	if err != nil {
		t.Fatal(err)
	}
	app.Tokens(a.App).Used(t.Context(), token, "203.0.113.9")
	if used := listTokens(t, a, "?service=backup").Tokens[0]; used.LastUsed == nil || used.LastIP != "203.0.113.9" {
		t.Errorf("used: %+v", used)
	}
	if one.ID != backups.ID || one.Whose() != "service:backup" || strings.Join(one.Groups, " ") != "robots night" || one.Issuer != "" || one.Subject != "" || one.LastUsed != nil {
		t.Errorf("of a service: %+v", one)
	}
	if one := listTokens(t, a, "?user=ada&app=git").Tokens[0]; one.ID != adas.ID || one.User != "ada" || one.Issuer != issuer || one.Subject != "ada" || one.Provider != "main" ||
		one.Service != "" || one.Name != "laptop" || !one.Expires.Equal(adas.Expires) || one.Created.IsZero() {
		t.Errorf("of a user: %+v", one)
	}
	for _, query := range []string{"?limit=0", "?limit=1001", "?who=ada", "?user=", "?cursor=x", "?cursor=99999.a"} {
		if status, body := a.Ask("GET", TokensPath+query, ""); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
	for _, row := range []struct {
		method, path string
		status       int
	}{
		{"PUT", TokensPath, 405},
		{"DELETE", TokensPath, 405},
		{"GET", TokensPath + "/" + adas.ID, 405},
		{"DELETE", TokensPath + "/" + adas.ID + "/", 404},
		{"DELETE", TokensPath + "/" + adas.ID + "?all=1", 400},
		{"DELETE", TokensPath + "/0000000000", 404},
		{"DELETE", TokensPath + "/" + adas.Token, 404},
	} {
		if status, body := a.Ask(row.method, row.path, ""); status != row.status || strings.Contains(row.path, adas.Token) && status == 200 {
			t.Errorf("%s %s: %d %s, want %d", row.method, row.path, status, body, row.status)
		}
	}
	if n := len(listTokens(t, a, "").Tokens); n != 3 {
		t.Fatalf("a request that was refused ended a token: %d are left", n)
	}
	if body := a.Must(http.StatusOK, "DELETE", TokensPath+"/"+adas.ID, ""); body != "{\"ended\":1}\n" {
		t.Errorf("revoked: %s", body)
	}
	a.Must(http.StatusNotFound, "DELETE", TokensPath+"/"+adas.ID, "")
	if left := listTokens(t, a, ""); len(left.Tokens) != 2 || len(listTokens(t, a, "?app=git").Tokens) != 1 {
		t.Errorf("left: %+v", left)
	}
}

// What cannot be a token is not made, and the answer says why.
func TestAdminTokenNotMade(t *testing.T) {
	a := apptest.NewAdministered(t, app.Parts{TokenApps: []string{"git"}})
	a.SignIn("ada", "main")
	user := `"issuer":"` + issuer + `","subject":"ada"`
	for body, want := range map[string]string{
		`{` + user + `,"app":"gti","name":"n"}`:                        `did you mean`,
		`{` + user + `,"app":"wiki","name":"n"}`:                       `no site with`,
		`{` + user + `,"name":"n"}`:                                    `app: missing`,
		`{` + user + `,"app":"git"}`:                                   `1 to 64 characters`,
		`{` + user + `,"app":"git","name":"n","expires":"soon"}`:       `such as 90d`,
		`{` + user + `,"app":"git","name":"n","expires":"400d"}`:       `at most 366 days`,
		`{` + user + `,"app":"git","name":"n","expires":"2020-01-01"}`: `at most 366 days`,
		`{` + user + `,"app":"git","name":"n","groups":["g"]}`:         `only a service`,
		`{` + user + `,"service":"backup","app":"git","name":"n"}`:     `for a user`,
		`{"app":"git","name":"n"}`:                                     `for a user`,
		`{"issuer":"` + issuer + `","app":"git","name":"n"}`:           `for a user`,
		`{"service":"Back up","app":"git","name":"n"}`:                 `lower-case`,
		`{"service":"backup","groups":[""],"app":"git","name":"n"}`:    `groups`,
		`{"service":"backup","app":"git","name":"n","token":"x"}`:      `unknown field`,
		``: `the body is no JSON`,
	} {
		if status, answer := a.Ask("POST", TokensPath, body); status != http.StatusBadRequest || !strings.Contains(answer, want) {
			t.Errorf("%s: %d %s, want %s", body, status, answer, want)
		}
	}
	if status, answer := a.Ask("POST", TokensPath, `{"issuer":"`+issuer+`","subject":"bob","app":"git","name":"n"}`); status != http.StatusNotFound || !strings.Contains(answer, "sign in once") {
		t.Errorf("an unknown user: %d %s", status, answer)
	}
	if n := len(listTokens(t, a, "").Tokens); n != 0 {
		t.Errorf("%d tokens were made", n)
	}
	a.Store.Fail(errors.New("away"))
	for _, row := range [][3]string{{"GET", TokensPath, ""}, {"POST", TokensPath, `{` + user + `,"app":"git","name":"n"}`}, {"DELETE", TokensPath + "/0000000000", ""}} {
		if status, body := a.Ask(row[0], row[1], row[2]); status != http.StatusServiceUnavailable {
			t.Errorf("%s %s: %d %s", row[0], row[1], status, body)
		}
	}
}

// Ending all sessions of a user ends their tokens, also without a session. Ending one session does not.
func TestAdminEndsTokensWithTheirUser(t *testing.T) {
	a := apptest.NewAdministered(t, app.Parts{TokenApps: []string{"git"}})
	for _, user := range []string{"ada", "bob"} {
		one, _ := a.SignIn(user, "main")
		for range 2 {
			makeToken(t, a, `{"issuer":"`+issuer+`","subject":"`+user+`","app":"git","name":"laptop"}`)
		}
		a.Must(http.StatusOK, "DELETE", SessionsPath+"/"+one.ID.Short(), "")
	}
	if n := len(listTokens(t, a, "").Tokens); n != 4 {
		t.Fatalf("the end of a session leaves %d tokens", n)
	}
	_, token := a.SignIn("ada", "main")
	if body := a.Must(http.StatusOK, "DELETE", PersonPath(issuer, "ada"), ""); body != "{\"ended\":1,\"tokens\":2}\n" || a.Alive(token) {
		t.Errorf("ended: %s", body)
	}
	if left := listTokens(t, a, ""); len(left.Tokens) != 2 || left.Tokens[0].User != "bob" {
		t.Errorf("left: %+v", left)
	}
	if body := a.Must(http.StatusOK, "DELETE", PersonPath(issuer, "bob"), ""); body != "{\"ended\":0,\"tokens\":2}\n" {
		t.Errorf("without a session: %s", body)
	}
}
