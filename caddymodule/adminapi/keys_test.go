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
	"github.com/latchkey-gateway/latchkey/caddymodule/keystorage"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// A key that a session needs does not retire by mistake: not while a record, its tokens or the cookie may be under it.
func TestAdminKeys(t *testing.T) {
	a, clock := apptest.NewKeyed(t)
	oldest := a.App.Keeper().Ring.Keys()[0].ID.String()
	_, token := a.SignIn("ada", "main")
	a.Must(409, "POST", "/latchkey/keys/retire", `{"id":"`+oldest+`"}`)
	clock.Advance(time.Hour)
	var made KeyEntry
	if err := json.Unmarshal([]byte(a.Must(200, "POST", "/latchkey/keys/rotate", "")), &made); err != nil || made.Seals ||
		made.SealsFrom == nil || !made.SealsFrom.Equal(made.Created.Add(keystorage.SealDelay)) {
		t.Fatalf("%+v, %v", made, err)
	}
	for _, id := range []string{oldest, made.ID} {
		if body := a.Must(409, "POST", "/latchkey/keys/retire", `{"id":"`+id+`","force":true}`); !strings.Contains(body, "the key that seals and the newest one") {
			t.Errorf("while the new key waits: %s", body)
		}
	}
	if body := a.Must(200, "GET", "/latchkey/keys", ""); strings.Index(body, `"seals":true`) < strings.Index(body, oldest) {
		t.Errorf("while the new key waits: %s", body)
	}
	clock.Advance(keystorage.SealDelay)
	a.Seals(made.ID)
	if !a.Alive(token) {
		t.Fatal("a rotation ended a session")
	}
	var keys KeysAnswer
	body := a.Must(200, "GET", "/latchkey/keys", "")
	if err := json.Unmarshal([]byte(body), &keys); err != nil || len(keys.Keys) != 2 || keys.Keys[0].ID != made.ID || keys.Source != "storage" ||
		!keys.Keys[0].Seals || keys.Keys[0].Retires != nil || keys.Keys[1].Seals ||
		keys.Keys[1].Retires == nil || !keys.Keys[1].Retires.Equal(made.SealsFrom.Add(a.App.Keeper().Life)) || strings.Contains(body, "secret") {
		t.Fatalf("%s, %v", body, err)
	}
	count := func(want ...int) {
		t.Helper()
		var answer KeySessionsAnswer
		body := a.Must(200, "GET", "/latchkey/keys/sessions", "")
		if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Sessions[oldest] != want[0] || answer.Sessions[made.ID] != want[1] {
			t.Fatalf("%s, want %v", body, want)
		}
	}
	count(1, 0)
	// The record goes over to the new key when it is written; the cookie does not.
	have, err := a.App.Sessions().Load(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	s, err := have.Record()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.App.Sessions().Renew(t.Context(), s, token, session.Record{Identity: s.Identity, GroupsAsOf: clock.Now()}, session.Tokens{}); err != nil {
		t.Fatal(err)
	}
	count(1, 1)
	a.Must(409, "POST", "/latchkey/keys/retire", `{"id":"`+oldest+`"}`) // sign-ins may be under way
	clock.Advance(2 * time.Hour)
	if body := a.Must(409, "POST", "/latchkey/keys/retire", `{"id":"`+oldest+`"}`); !strings.Contains(body, s.ID.Short()) {
		t.Errorf("why not: %s", body)
	}
	for body, status := range map[string]int{
		`{"id":"` + made.ID + `","force":true}`: 409, `{"id":"zzzz"}`: 400, `{"id":"0"}`: 400, `{}`: 400, `{"id":"` + oldest + `","now":true}`: 400,
		`{"id":"` + strings.Repeat("f", 4) + `"}`: 404,
	} {
		if body == `{"id":"ffff"}` && (oldest == "ffff" || made.ID == "ffff") {
			continue
		}
		a.Must(status, "POST", "/latchkey/keys/retire", body)
	}
	if err := a.App.Sessions().End(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	count(0, 0)
	a.Must(200, "POST", "/latchkey/keys/retire", `{"id":"`+oldest+`"}`)
	if got := a.App.Keeper().Ring.Keys(); len(got) != 1 || got[0].ID.String() != made.ID {
		t.Errorf("keys %v", got)
	}
	_, token = a.SignIn("eve", "main")
	cookie := session.SealToken(a.App.Keeper().Ring, token, "host", "cookie")
	clock.Advance(time.Minute)
	// A key that others may have: a new one seals at once, and the old one goes.
	var now KeyEntry
	if err := json.Unmarshal([]byte(a.Must(200, "POST", "/latchkey/keys/rotate", `{"now":true}`)), &now); err != nil || !now.Seals || !now.SealsFrom.Equal(*now.Created) {
		t.Errorf("at once: %+v, %v", now, err)
	}
	a.Must(200, "POST", "/latchkey/keys/retire", `{"id":"`+made.ID+`","force":true}`)
	if _, err := session.OpenToken(a.App.Keeper().Ring, cookie, "host", "cookie"); !errors.Is(err, keyring.ErrUnsealable) {
		t.Errorf("a session whose key was taken by force: %v", err)
	}
}

// Keys that the configuration lists are rotated there, and the answer says how.
func TestAdminListedKeys(t *testing.T) {
	a := apptest.NewAdministered(t, app.Parts{})
	a.SignIn("ada", "main")
	a.Must(http.StatusBadRequest, "POST", "/latchkey/keys/rotate", `{"id":"0000"}`)
	a.Must(http.StatusBadRequest, "POST", "/latchkey/keys/rotate?now=true", "")
	for path, body := range map[string]string{"/latchkey/keys/rotate": `{"now":true}`, "/latchkey/keys/retire": `{"id":"0000"}`} {
		if body := a.Must(http.StatusConflict, "POST", path, body); !strings.Contains(body, "behind the first one") {
			t.Errorf("%s: %s", path, body)
		}
	}
	if body := a.Must(200, "GET", "/latchkey/keys", ""); !strings.Contains(body, `"source":"configuration"`) || strings.Contains(body, "created") {
		t.Error(body)
	}
	if body := a.Must(200, "GET", "/latchkey/keys/sessions", ""); !strings.Contains(body, ":1}") {
		t.Error(body)
	}
}
