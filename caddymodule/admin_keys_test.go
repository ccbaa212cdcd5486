package caddymodule

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// newKeyed is an app that has sessions under a ring in a storage.
func newKeyed(t *testing.T) (*administered, *cluster) {
	t.Helper()
	c := newCluster(t)
	k := c.keeper(true, zap.NewNop())
	a := &administered{t: t, store: storetest.NewMemory(c.clock), app: new(App), server: adminServer(t).URL}
	a.app.rt.logger, a.app.rt.keeper = zap.NewNop(), k
	a.app.rt.sessions = session.NewManager(session.ManagerConfig{Store: a.store, Keys: k.ring, Now: c.clock})
	t.Cleanup(a.app.rt.sessions.Close)
	runs(t, a.app)
	return a, c
}

func (a *administered) must(status int, method, path, body string) string {
	a.t.Helper()
	got, answer := a.ask(method, path, body)
	if got != status {
		a.t.Fatalf("%s %s %s: %d %s, want %d", method, path, body, got, answer, status)
	}
	return answer
}

// A key that somebody needs does not retire by mistake: not while a record, its tokens or the cookie may be under it.
func TestAdminKeys(t *testing.T) {
	a, c := newKeyed(t)
	oldest := a.app.rt.keeper.ring.Keys()[0].ID.String()
	_, token := a.signIn("ada", "main")
	a.must(409, "POST", "/latchkey/keys/retire", `{"id":"`+oldest+`"}`)
	c.later(time.Hour)
	var made keyEntry
	if err := json.Unmarshal([]byte(a.must(200, "POST", "/latchkey/keys/rotate", "")), &made); err != nil || !made.Seals {
		t.Fatalf("%+v, %v", made, err)
	}
	if !a.alive(token) {
		t.Fatal("a rotation ended a session")
	}
	var keys keysAnswer
	body := a.must(200, "GET", "/latchkey/keys", "")
	if err := json.Unmarshal([]byte(body), &keys); err != nil || len(keys.Keys) != 2 || keys.Keys[0].ID != made.ID || keys.Source != "storage" ||
		keys.Keys[1].Retires == nil || strings.Contains(body, "secret") {
		t.Fatalf("%s, %v", body, err)
	}
	count := func(want ...int) {
		t.Helper()
		var answer keySessionsAnswer
		body := a.must(200, "GET", "/latchkey/keys/sessions", "")
		if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Sessions[oldest] != want[0] || answer.Sessions[made.ID] != want[1] {
			t.Fatalf("%s, want %v", body, want)
		}
	}
	count(1, 0)
	// The record goes over to the new key when it is written; the cookie does not.
	have, err := a.app.rt.sessions.Load(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	s, err := have.Record()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.app.rt.sessions.Renew(t.Context(), s, token, session.Record{Identity: s.Identity, GroupsAsOf: c.clock()}, session.Tokens{}); err != nil {
		t.Fatal(err)
	}
	count(1, 1)
	a.must(409, "POST", "/latchkey/keys/retire", `{"id":"`+oldest+`"}`) // sign-ins may be under way
	c.later(2 * time.Hour)
	if body := a.must(409, "POST", "/latchkey/keys/retire", `{"id":"`+oldest+`"}`); !strings.Contains(body, s.ID.Short()) {
		t.Errorf("why not: %s", body)
	}
	for body, status := range map[string]int{
		`{"id":"` + made.ID + `","force":true}`: 409, `{"id":"zzzz"}`: 400, `{"id":"0"}`: 400, `{}`: 400, `{"id":"` + oldest + `","now":true}`: 400,
		`{"id":"` + strings.Repeat("f", 4) + `"}`: 404,
	} {
		if body == `{"id":"ffff"}` && (oldest == "ffff" || made.ID == "ffff") {
			continue
		}
		a.must(status, "POST", "/latchkey/keys/retire", body)
	}
	if err := a.app.rt.sessions.End(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	count(0, 0)
	a.must(200, "POST", "/latchkey/keys/retire", `{"id":"`+oldest+`"}`)
	if got := a.app.rt.keeper.ring.Keys(); len(got) != 1 || got[0].ID.String() != made.ID {
		t.Errorf("keys %v", got)
	}
	_, token = a.signIn("eve", "main")
	cookie := session.SealToken(a.app.rt.keeper.ring, token, "host", "cookie")
	c.later(time.Minute)
	a.must(200, "POST", "/latchkey/keys/rotate", "")
	a.must(200, "POST", "/latchkey/keys/retire", `{"id":"`+made.ID+`","force":true}`)
	if _, err := session.OpenToken(a.app.rt.keeper.ring, cookie, "host", "cookie"); !errors.Is(err, keyring.ErrUnsealable) {
		t.Errorf("a session whose key was taken by force: %v", err)
	}
}

// Keys that the configuration lists are rotated there, and the answer says how.
func TestAdminListedKeys(t *testing.T) {
	a := newAdministered(t)
	a.signIn("ada", "main")
	for _, path := range []string{"/latchkey/keys/rotate", "/latchkey/keys/retire"} {
		if body := a.must(http.StatusConflict, "POST", path, `{"id":"0000"}`); !strings.Contains(body, "behind the first one") {
			t.Errorf("%s: %s", path, body)
		}
	}
	if body := a.must(200, "GET", "/latchkey/keys", ""); !strings.Contains(body, `"source":"configuration"`) || strings.Contains(body, "created") {
		t.Error(body)
	}
	if body := a.must(200, "GET", "/latchkey/keys/sessions", ""); !strings.Contains(body, ":1}") {
		t.Error(body)
	}
}
