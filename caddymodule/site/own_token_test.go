package site

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/bearer"
)

// person returns a session of a user, at the provider of the site.
func (b *robot) person(t *testing.T, name string, change func(*session.Record)) (*session.Record, session.Token) {
	t.Helper()
	who := session.Record{
		Provider: "main", Identity: session.Identity{Issuer: b.idp.URL, Subject: "s-" + name}, User: name, GroupsAsOf: time.Now(), GroupsComplete: true,
		Groups: []string{"staff"}, AuthTime: time.Now(),
	}
	if change != nil {
		change(&who)
	}
	s, token, err := b.service.Sessions.Create(t.Context(), who, session.Tokens{})
	if err != nil {
		t.Fatal(err)
	}
	return s, token
}

func (b *robot) ownToken(t testing.TB, who *session.Record, app string) (*apitoken.Token, string) {
	t.Helper()
	made, text, err := b.service.Tokens.Create(t.Context(), who, apitoken.Draft{Name: "laptop", App: app})
	if err != nil {
		t.Fatal(err)
	}
	return made, text
}

// basic is a header with a token as password, as git and WebDAV clients send it.
func basic(user, password string) http.Header {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header
}

// A program with a token of Latchkey is its user, in both forms of the header; the app does not see the token.
func TestOwnTokenIsIdentified(t *testing.T) { // A51
	b := newRobot(t, &config.App{}, &config.Site{Tokens: true, HeaderGroups: true})
	who, _ := b.person(t, "ada", nil)
	_, text := b.ownToken(t, who, "wiki")
	for what, header := range map[string]http.Header{
		"Bearer": with(text), "Basic": basic("ada", text), "Basic, another name": basic("root", text), "Basic, no name": basic("", text),
	} {
		header["Remote-User"], header["Remote-Groups"] = []string{"root"}, []string{"admins"}
		w := b.ask(t, asking("/", header))
		if b.saw == nil || b.saw.Get("Remote-User") != "ada" || b.saw.Get("Remote-Groups") != "staff" || b.saw["Authorization"] != nil || len(w.Header()) > 0 {
			t.Errorf("%s: %d %s, the app saw %v", what, w.Code, w.Body, b.saw)
		}
	}
	_, text, err := b.service.Tokens.CreateService(t.Context(), "backup", []string{"robots"}, apitoken.Draft{Name: "nightly", App: "wiki"})
	if err != nil {
		t.Fatal(err)
	}
	if w := b.ask(t, asking("/", basic("x", text))); b.saw.Get("Remote-User") != "service:backup" || b.saw.Get("Remote-Groups") != "robots" {
		t.Errorf("a service: %d, the app saw %v", w.Code, b.saw)
	}
}

// Policies decide on the program as on its user now. A refusal keeps the token: a client forgets what is answered 401.
func TestOwnTokenIsDecidedOn(t *testing.T) {
	b := newRobot(t, &config.App{Policies: []*config.Policy{
		{Name: "no-robots", Include: &config.Assignment{Users: []string{"eve", "service:blocked"}}, When: &config.When{Clients: []policy.Client{policy.Other}}, Block: true},
		{Name: "mfa", Include: &config.Assignment{Groups: []string{"admins"}}, Require: []string{"mfa"}},
	}}, &config.Site{Tokens: true})
	eve, _ := b.person(t, "eve", nil)
	_, text := b.ownToken(t, eve, "wiki")
	b.refusedAs(t, "a policy", b.ask(t, asking("/", basic("", text))), http.StatusForbidden, string(policy.Blocked))
	admin, _ := b.person(t, "ada", func(r *session.Record) { r.Groups = []string{"admins"} })
	_, text = b.ownToken(t, admin, "wiki")
	w := b.ask(t, asking("/", basic("", text)))
	b.refusedAs(t, "a stronger sign-in", w, http.StatusForbidden, string(policy.MFARequired))
	if w.Header()["Www-Authenticate"] != nil {
		t.Errorf("a token that is good is asked for: %v", w.Header())
	}
	_, text, err := b.service.Tokens.CreateService(t.Context(), "blocked", nil, apitoken.Draft{Name: "n", App: "wiki"})
	if err != nil {
		t.Fatal(err)
	}
	b.refusedAs(t, "a service", b.ask(t, asking("/", with(text))), http.StatusForbidden, string(policy.Blocked))
	// A user of the provider cannot take the name of a service.
	same, _ := b.person(t, "x", func(r *session.Record) { r.User = "service:backup" })
	_, text = b.ownToken(t, same, "wiki")
	if b.ask(t, asking("/", with(text))); b.saw.Get("Remote-User") != "s-x" {
		t.Errorf("the app saw %v", b.saw)
	}
	same, _ = b.person(t, "y", func(r *session.Record) { r.Identity.Subject = "service:blocked" })
	if user := b.h.User(same); user.ID != "" || !slices.Contains(user.Claimed, "service:blocked") {
		t.Errorf("a policy sees %+v", user)
	}
}

// What is no good token is refused in the words that its client reads.
func TestOwnTokenIsRefused(t *testing.T) {
	b := newRobot(t, &config.App{}, &config.Site{Tokens: true})
	who, of := b.person(t, "ada", nil)
	made, text := b.ownToken(t, who, "wiki")
	_, elsewhere := b.ownToken(t, who, "git")
	cookie := "__Host-latchkey=" + session.SealToken(b.ring, of, "wiki.example.com", "latchkey")
	const asked = `Basic realm="https://wiki.example.com", charset="UTF-8"`
	for what, wrong := range map[string]string{"a typing error": text[:len(text)-1] + "!", "another app's": elsewhere, "none": "lk_"} {
		w := b.ask(t, asking("/", basic("ada", wrong)))
		b.refusedAs(t, what, w, http.StatusUnauthorized, bearer.ReasonUnknown)
		if got := w.Header()["Www-Authenticate"]; !slices.Equal(got, []string{asked}) {
			t.Errorf("%s: challenges %q", what, got)
		}
	}
	w := b.ask(t, asking("/", with(elsewhere)))
	b.refusedAs(t, "another app's as Bearer", w, http.StatusUnauthorized, bearer.ReasonUnknown)
	if got := w.Header().Get("Www-Authenticate"); !strings.HasPrefix(got, `Bearer error="invalid_token"`) {
		t.Errorf("challenge %q", got)
	}
	session := basic("ada", text)
	session["Cookie"] = []string{cookie}
	b.refusedAs(t, "a session too", b.ask(t, asking("/", session)), http.StatusBadRequest, bearer.ReasonWithCookie)
	page := basic("ada", text)
	page["Sec-Fetch-Mode"], page["Sec-Fetch-Dest"], page["Accept"] = []string{"navigate"}, []string{"document"}, []string{"text/html"}
	b.refusedAs(t, "a page", b.ask(t, asking("/", page)), http.StatusBadRequest, bearer.ReasonNavigation)
	b.refusedAs(t, "an endpoint", b.ask(t, asking("/.latchkey/me", basic("ada", text))), http.StatusBadRequest, bearer.ReasonEndpoint)
	insecure := asking("/", basic("ada", text))
	insecure.TLS = nil
	b.refusedAs(t, "plain http", b.ask(t, insecure), http.StatusBadRequest, bearer.ReasonInsecure)
	// A password that is not ours is meant for the app, which sees it with a session alone.
	w = b.ask(t, asking("/", basic("ada", "secret")))
	b.refusedAs(t, "a password", w, http.StatusUnauthorized, string(policy.SignInRequired))
	if got := w.Header()["Www-Authenticate"]; len(got) != 2 || got[0] != asked {
		t.Errorf("challenges %q", got)
	}
	foreign := basic("ada", "secret")
	foreign["Cookie"] = []string{cookie}
	if b.ask(t, asking("/", foreign)); b.saw.Get("Remote-User") != "ada" || b.saw.Get("Authorization") == "" {
		t.Errorf("the app saw %v", b.saw)
	}
	if b.ask(t, asking("/", basic("ada", text))); b.saw == nil {
		t.Error("the good token is refused")
	}
	if err := b.service.Tokens.Revoke(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	b.refusedAs(t, "revoked", b.ask(t, asking("/", basic("ada", text))), http.StatusUnauthorized, bearer.ReasonUnknown)
}

// A site takes the users of its providers, as these are now: not those of another one, and not those that a provider of the
// same name had with another issuer.
func TestOwnTokenOfAnotherProvider(t *testing.T) {
	b := newRobot(t, &config.App{}, &config.Site{Tokens: true})
	for what, change := range map[string]func(*session.Record){
		"another provider": func(r *session.Record) { r.Provider = "partner" },
		"another issuer":   func(r *session.Record) { r.Identity.Issuer = "https://before.example.com" },
	} {
		b.saw = nil
		who, _ := b.person(t, "ada", change)
		_, text := b.ownToken(t, who, "wiki")
		b.refusedAs(t, what, b.ask(t, asking("/", basic("ada", text))), http.StatusUnauthorized, bearer.ReasonForeign)
		if b.saw != nil {
			t.Errorf("%s: the app saw %v", what, b.saw)
		}
	}
}

// Wrong tokens are held off after twenty in a minute; a good one of the same address is not, whether it is known or not.
func TestOwnTokenGuesses(t *testing.T) {
	b := newRobot(t, &config.App{}, &config.Site{Tokens: true})
	who, _ := b.person(t, "ada", nil)
	_, known := b.ownToken(t, who, "wiki")
	_, unknown := b.ownToken(t, who, "wiki")
	_, guess := b.ownToken(t, who, "git") // well-formed, and not for this app
	b.ask(t, asking("/", with(known)))
	for i := range 40 {
		w := b.ask(t, asking("/", basic("ada", guess)))
		if want := i >= 20; (w.Code == http.StatusTooManyRequests) != want || want && w.Header().Get("Retry-After") == "" {
			t.Fatalf("guess %d: %d %v", i, w.Code, w.Header())
		}
	}
	for what, text := range map[string]string{"known": known, "not known yet": unknown} {
		if w := b.ask(t, asking("/", basic("ada", text))); b.saw == nil {
			t.Errorf("a good token, %s: %d", what, w.Code)
		}
	}
}

// A site without `tokens` takes none, and shows none to an issuer that it would ask about others.
func TestOwnTokenIsOff(t *testing.T) {
	b := newRobot(t, &config.App{}, &config.Site{Bearer: &config.Bearer{Introspect: &config.BearerIntrospect{ClientID: "c", ClientSecret: "s"}}})
	b.h.Programs.Issuers[0].Introspection = nil // asking would be a crash
	who, _ := b.person(t, "ada", nil)
	_, text := b.ownToken(t, who, "wiki")
	b.refusedAs(t, "Bearer", b.ask(t, asking("/", with(text))), http.StatusUnauthorized, bearer.ReasonForeign)
	b.refusedAs(t, "Basic", b.ask(t, asking("/", basic("ada", text))), http.StatusUnauthorized, bearer.ReasonForeign)
}

// A stream ends with its token, any other request that goes on only if the token is revoked.
func TestOwnTokenEnds(t *testing.T) {
	b := newRobot(t, &config.App{}, &config.Site{Tokens: true})
	who, _ := b.person(t, "ada", nil)
	made, text := b.ownToken(t, who, "wiki")
	token, err := b.h.Programs.Verify(t.Context(), bearer.Read(with(text)), netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	stream := &answerTerms{streamTerms: streamTerms{site: b.h, sessions: b.service.Sessions}, token: token, open: true}
	push := &answerTerms{streamTerms: streamTerms{site: b.h, sessions: b.service.Sessions}, token: token}
	for what, o := range map[string]*answerTerms{"a stream": stream, "a push": push} {
		if err := o.still(t.Context(), session.ID{}, time.Now()); err != nil {
			t.Errorf("%s at first: %v", what, err)
		}
	}
	if err := stream.still(t.Context(), session.ID{}, token.Expires); !errors.Is(err, session.ErrExpired) {
		t.Errorf("a stream at its end: %v", err)
	}
	if err := push.still(t.Context(), session.ID{}, token.Expires); err != nil {
		t.Errorf("a push at its end: %v", err)
	}
	if err := push.still(t.Context(), session.ID{}, token.Expires.Add(finishing)); !errors.Is(err, session.ErrExpired) {
		t.Errorf("a push that never ends: %v", err)
	}
	if err := b.service.Tokens.Revoke(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	for what, o := range map[string]*answerTerms{"a stream": stream, "a push": push} {
		if err := o.still(t.Context(), session.ID{}, time.Now()); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("%s, revoked: %v", what, err)
		}
	}
}

// What the application answers with a stream of events is a stream, whatever the program says that it accepts.
func TestAnswersThatAreStreams(t *testing.T) {
	b := newRobot(t, &config.App{}, &config.Site{Tokens: true})
	who, _ := b.person(t, "ada", nil)
	_, text := b.ownToken(t, who, "wiki")
	token, err := b.h.Programs.Verify(t.Context(), bearer.Read(with(text)), netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	token.Expires = time.Now()
	for kind, ends := range map[string]bool{"text/event-stream": true, "text/event-stream; charset=utf-8": true, "application/octet-stream": false} {
		answer, w := new(revocableWriter), httptest.NewRecorder()
		answer.begin(w, session.ID{}, answerTerms{streamTerms: streamTerms{site: b.h, sessions: b.service.Sessions}, token: token}, time.Now())
		answer.Header().Set("Content-Type", kind)
		answer.WriteHeader(http.StatusAccepted)
		answer.due.Store(0)
		if w.Code != http.StatusAccepted || answer.ended() != ends {
			t.Errorf("%s: %d, ended %t", kind, w.Code, !ends)
		}
		answer.end()
	}
}
