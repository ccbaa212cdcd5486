package site

import (
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"unique"
	"unsafe"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// What is kept beside a session fits into one of the sizes that the runtime hands out, and nothing in it is a part of the
// session's record: a few letters of it would keep all of it in memory, tens of thousands of times.
func TestMadeIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(siteView{}); size > 240 {
		t.Errorf("%d bytes", size)
	}
	s := newVisitor(t, &config.App{}, &config.Site{App: "wiki"})
	for _, contexts := range [][]string{nil, {"c1"}, {"c1", "c2", "c3"}} {
		who, _, err := s.sessions(t).Create(t.Context(), session.Record{
			Provider: "main", Identity: session.Identity{Issuer: "http://127.0.0.1:1", Subject: "ada"}, User: "ada",
			ACR: "urn:example:gold", Contexts: contexts, GroupsComplete: true,
		}, session.Tokens{})
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.h.view(who.Session())
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(m.facts.auth.ACRs, " "); got != strings.Join(append(contexts, "urn:example:gold"), " ") {
			t.Errorf("contexts %s", got)
		}
		for _, acr := range m.facts.auth.ACRs {
			if unsafe.StringData(acr) != unsafe.StringData(unique.Make(acr).Value()) {
				t.Errorf("%q is part of the record", acr)
			}
		}
		if again, _ := s.h.view(who.Session()); again != m {
			t.Error("made twice of one record")
		}
	}
}

// An unreadable session gives no access, and is not a sign-out either (A30): its user is told to try again.
func TestUnreadableSessionIsRefused(t *testing.T) {
	s := newVisitor(t, &config.App{}, &config.Site{App: "wiki"})
	service := mustService(t, s.h)
	p := newRequest(s.request())
	unreadable := s.h.attachSession(p, new(session.Session))
	if unreadable == nil || access.NoSession(unreadable) {
		t.Fatalf("got %v", unreadable)
	}
	w := httptest.NewRecorder()
	v := &access.Visit{Site: &s.h.SignIn, Origin: "https://wiki.example.com", Host: "wiki.example.com", Secure: true}
	if err := s.h.anonymous(service, w, s.request(), v, unreadable); err != nil {
		t.Fatal(err)
	}
	if w.Code != 503 || w.Header().Get("Set-Cookie") != "" || s.passed != 0 {
		t.Errorf("status %d, cookie %q, passed on %d times", w.Code, w.Header().Get("Set-Cookie"), s.passed)
	}
}

// Every placeholder has the value of the session, at the first request and at the next; an unknown one has none.
func TestPlaceholders(t *testing.T) {
	s := newVisitor(t, &config.App{}, &config.Site{App: "wiki"})
	live, _, err := mustService(t, s.h).Session(s.request(), &access.Visit{
		Site: &s.h.SignIn, Host: "wiki.example.com", Secure: true, Cookies: browser.ReadCookies(s.cookies, true),
	})
	if err != nil {
		t.Fatal(err)
	}
	who, err := live.Record()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r := s.request()
		s.serve(t, r)
		repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
		for key, want := range map[string]any{
			"http.auth.user.id": "ada@example.com", "http.auth.user.name": "Ada", "http.auth.user.email": "ada@example.com",
			"http.auth.user.groups": groups(who.Groups), "http.latchkey.session.id": who.ID.Short(),
			"http.latchkey.session.kind": "persistent", "http.latchkey.session.bound": false, "http.latchkey.session.created": who.Created,
			"http.latchkey.groups.as_of": who.GroupsAsOf, "http.latchkey.provider": "main", "http.latchkey.subject": "ada",
			"http.latchkey.issuer": "http://127.0.0.1:1",
		} {
			if got, ok := repl.Get(key); !ok || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %v, want %v", key, got, want)
			}
		}
		for _, key := range []string{"http.auth.user.subject", "http.auth.user.", "http.latchkey.", "http.latchkey.id", "http.latchkey.session"} {
			if got, ok := repl.Get(key); ok {
				t.Errorf("%s: %v", key, got)
			}
		}
	}
}

func mustService(t *testing.T, h *Site) *signin.Service {
	t.Helper()
	service, err := h.Tenant.Service()
	if err != nil {
		t.Fatal(err)
	}
	return service
}
