package adminapi

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// acts are the entries that were written.
type acts struct {
	mu  sync.Mutex
	all []signinlog.Record
}

func (a *acts) Write(r signinlog.Record) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, r)
}

// Field trial 3.3: each act of an administrator is an entry of the sign-in log, which says who, what and whom.
func TestActsOfAdministratorsAreLogged(t *testing.T) {
	const issuer = "https://idp.example.com/a"
	const person = "/latchkey/users/https%3A%2F%2Fidp.example.com%2Fa/1/sessions"
	var written acts
	a := apptest.NewAdministered(t, app.Parts{Records: &written})
	s, _ := a.SignIn("1", "main")
	for _, row := range []struct {
		method, path, body string
		want               signinlog.Initiator
		subject, session   string
	}{
		{http.MethodDelete, "/latchkey/sessions/" + s.ID.Short(), "", signinlog.Initiator{Activity: actEndSession}, "1", s.ID.Short()},
		{http.MethodDelete, person, "", signinlog.Initiator{Activity: actEndPerson}, "1", ""},
		{http.MethodPost, "/latchkey/revoke-before", `{"before":"0s","app":"wiki"}`, signinlog.Initiator{Activity: actRevokeBefore, Target: "app wiki"}, "", ""},
		{http.MethodPost, "/latchkey/revoke-before", `{"before":"0s","provider":"main"}`, signinlog.Initiator{Activity: actRevokeBefore, Target: "provider main"}, "", ""},
		{http.MethodPost, "/latchkey/revoke-before", `{"before":"0s"}`, signinlog.Initiator{Activity: actRevokeBefore, Target: "all sessions"}, "", ""},
		{http.MethodPost, "/latchkey/revoke-before", `{"before":"0s","issuer":"` + issuer + `","subject":"1"}`, signinlog.Initiator{Activity: actRevokeBefore}, "1", ""},
	} {
		written.all = nil
		if status, body := a.Ask(row.method, row.path, row.body); status != http.StatusOK {
			t.Fatalf("%s: %d %s", row.path, status, body)
		}
		if len(written.all) != 1 {
			t.Fatalf("%s: %d entries", row.path, len(written.all))
		}
		rec := written.all[0]
		if rec.InitiatedBy == nil || *rec.InitiatedBy != row.want || rec.UserSubject != row.subject || rec.SessionID != row.session ||
			rec.Code != signinlog.GrantRevoked || rec.ID == "" || rec.IP != "127.0.0.1" {
			t.Errorf("%s: %+v %+v", row.path, rec, rec.InitiatedBy)
		}
	}
	// What was refused is no act.
	written.all = nil
	a.Ask(http.MethodDelete, "/latchkey/sessions/AAAAAAAAAA", "")
	a.Ask(http.MethodPost, "/latchkey/revoke-before", `{}`)
	if len(written.all) != 0 {
		t.Errorf("%+v", written.all)
	}
}

// The same for tokens: the entry names the token and its user, and does not have the token itself.
func TestTokenActsAreLogged(t *testing.T) {
	var written acts
	a := apptest.NewAdministered(t, app.Parts{Records: &written, TokenApps: []string{"git"}})
	a.SignIn("ada", "main")
	for body, subject := range map[string]string{
		`{"issuer":"` + issuer + `","subject":"ada","app":"git","name":"laptop"}`: "ada", `{"service":"backup","app":"git","name":"nightly"}`: "service:backup",
	} {
		written.all = nil
		made := makeToken(t, a, body)
		a.Must(http.StatusOK, "DELETE", TokensPath+"/"+made.ID, "")
		a.Must(http.StatusNotFound, "DELETE", TokensPath+"/"+made.ID, "")
		if len(written.all) != 2 {
			t.Fatalf("%s: %+v", subject, written.all)
		}
		for i, want := range []struct {
			activity string
			code     signinlog.Code
		}{{actCreateToken, signinlog.Success}, {actRevokeToken, signinlog.GrantRevoked}} {
			rec := written.all[i]
			if rec.InitiatedBy == nil || rec.InitiatedBy.Activity != want.activity || rec.Code != want.code || rec.TokenID != made.ID || rec.App != "git" ||
				rec.UserSubject != subject || rec.SessionID != "" || strings.Contains(rec.Detail, "lk_") {
				t.Errorf("%s: %+v %+v", subject, rec, rec.InitiatedBy)
			}
		}
	}
}

// The commands say who runs them; whatever is sent as a name is bounded and harmless in a terminal.
func TestOperatorIsNamed(t *testing.T) {
	t.Setenv("SUDO_USER", "")
	t.Setenv("USER", "ops")
	var written acts
	a := apptest.NewAdministered(t, app.Parts{Records: &written})
	a.SignIn("1", "main")
	c := Client{Address: strings.TrimPrefix(a.Server, "http://")}
	if err := c.Ask(t.Context(), http.MethodPost, "/latchkey/revoke-before", nil, map[string]string{"before": "0s"}, new(any)); err != nil {
		t.Fatal(err)
	}
	if len(written.all) != 1 || written.all[0].InitiatedBy.Name != "ops" {
		t.Errorf("%+v", written.all)
	}
	t.Setenv("SUDO_USER", "ada")
	if got := operator(); got != "ada" {
		t.Errorf("with sudo: %q", got)
	}
	for name, want := range map[string]string{"a\x1b[31mb": "a?[31mb", "Jürgen": "J?rgen", strings.Repeat("x", 500): strings.Repeat("x", maxOperator)} {
		if got := plainName(name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}

// Every route of the admin API that changes something writes an entry.
func TestEveryChangeIsAnAct(t *testing.T) {
	recorded := []string{
		"DELETE " + SessionsPath + "/{id}", "DELETE " + personPath, "POST /latchkey/revoke-before",
		"POST " + TokensPath, "DELETE " + TokensPath + "/{id}", "POST " + KeysPath + "/rotate", "POST " + KeysPath + "/retire",
	}
	for pattern, resource := range adminResources {
		for method, action := range resource {
			if is := slices.Contains(recorded, method+" "+pattern); is != action.changes {
				t.Errorf("%s %s changes something: %v; a test shows its entry: %v", method, pattern, action.changes, is)
			}
		}
	}
}
