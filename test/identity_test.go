package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// The app learns who is there by the headers of the site's choice, the route by placeholders, the access log by fields.
func TestIdentityForAppRouteAndLog(t *testing.T) {
	t.Parallel()
	users := people()
	users["adam"]["name"] = "Ädam Elm"
	s := newSite(t, config{
		before: "log\nheader >X-Who \"{http.auth.user.id}|{http.auth.user.email}|{http.auth.user.groups}|{http.latchkey.session.kind}\"",
		site:   "header X-Mail email\nheader X-Guest acct",
		users:  users,
	})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "adam", "Yes")
	r := s.api(c, "/x")
	if got := r.Header.Get("X-Who"); got != "adam|adam@example.com|staff,admins|persistent" {
		t.Errorf("placeholders: %s", got)
	}
	h := s.app.Last(t).Header
	if h.Get("X-Mail") != "adam@example.com" || h["X-Guest"] != nil {
		t.Errorf("the app saw %v", h)
	}
	logged := s.gw.Logs("http.log.access")
	found := false
	for _, e := range logged {
		found = found || e.Text("user_id") == "adam"
	}
	if !found {
		t.Errorf("no access log line bears the person: %v", logged)
	}
	// Field trial 1.25: the bytes of an encoding arrive as they are written.
	if err := s.reload(func(c *config) { c.site = "header_encoding latin1" }); err != nil {
		t.Fatal(err)
	}
	s.api(c, "/latin1")
	if h := s.app.Last(t).Header; h.Get("Remote-Name") != "\xc4dam Elm" || h.Get("Remote-User") != "adam" {
		t.Errorf("in Latin-1 the app saw %q", h)
	}
	for preset, name := range map[string]string{"forwarded": "X-Forwarded-User", "none": ""} {
		if err := s.reload(func(c *config) { c.site = "headers " + preset }); err != nil {
			t.Fatal(err)
		}
		c.Do(rig.Call{URL: s.url("/y"), Header: http.Header{"Remote-User": {"eve"}, "X-Forwarded-User": {"eve"}, "X_Forwarded_User": {"eve"}}})
		h := s.app.Last(t).Header
		for k, v := range h {
			if folded := fold(k); (folded == "remote-user" || folded == "x-forwarded-user") && (k != name || v[0] != "adam") {
				t.Errorf("headers %s: the app saw %s: %v", preset, k, v)
			}
		}
		if name != "" && h.Get(name) != "adam" {
			t.Errorf("headers %s: the app saw %v", preset, h)
		}
	}
}

// With two providers the person chooses, and is who the chosen one says.
func TestChoiceOfProvider(t *testing.T) {
	t.Parallel()
	o := rig.NewOdd(t)
	icon := filepath.Join(t.TempDir(), "partners.svg")
	if err := os.WriteFile(icon, []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="4" fill="#0067b8"/></svg>`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, config{site: "provider default partners", provider: `name "Example staff"`, app: fmt.Sprintf(
		"provider partners {\nname \"Our partners\"\nicon %s\nissuer %s\nclient_id gw\nclient_secret %s\n}", icon, o.Issuer, clientSecret)})
	b := s.browser()
	if at := b.Goto(s.url("/pick?x=1")); at.Status != 200 || o.Hits("authorize") != 0 || s.idp.Hits("authorize") != 0 {
		t.Fatalf("the choice: %+v\n%s", at, b.Text())
	}
	for _, f := range b.Axe() {
		t.Error(f)
	}
	var shown int
	if b.Evaluate(&shown, `[...document.images].filter(i => i.complete && i.naturalWidth > 0).length`); shown != 1 {
		t.Errorf("%d pictures are shown, want that of the partners", shown)
	}
	b.Click("Our partners")
	s.atPrompt(b.Page)
	if got := o.Form("token").Get("redirect_uri"); got != s.url("/.latchkey/callback/partners") {
		t.Errorf("redirect URI of the second provider: %s", got)
	}
	if at := b.Click("No"); at.URL != s.url("/pick?x=1") {
		t.Errorf("after the answer: %+v", at)
	}
	if got := s.app.Last(t).Header.Get("Remote-User"); got != "odd" {
		t.Errorf("the app saw %q", got)
	}
	// What was chosen last is shown first, and still is a choice.
	b.Goto(s.url("/.latchkey/sign-out"))
	b.Click("Sign out")
	b.Goto(s.url("/"))
	if text := b.Text(); !strings.Contains(text, "Used last in this browser") || strings.Index(text, "Our partners") > strings.Index(text, "Example staff") {
		t.Errorf("the next choice:\n%s", text)
	}
	for _, f := range b.Axe() {
		t.Error(f)
	}
	if at := os.Getenv("LATCHKEY_SCREENSHOTS"); at != "" {
		b.Screenshot(filepath.Join(at, "chooser.png"))
	}
	other := rig.NewHTTP(t)
	if r := other.Get(s.url("/.latchkey/sign-in?provider=nobody")); r.StatusCode >= 300 && r.Location() != nil {
		t.Errorf("an unknown provider leads to %s", r.Location())
	}
}

// A65: two people whom the provider calls by one name are two people.
func TestA65NamesAreNoIdentity(t *testing.T) {
	t.Parallel()
	users := people()
	users["impostor"] = rig.Claims{"preferred_username": "alice", "email": "alice@example.com", "groups": []string{}}
	s := newSite(t, config{users: users})
	alice, impostor := rig.NewHTTP(t), rig.NewHTTP(t)
	s.entered(alice, "/", "alice", "Yes")
	s.entered(impostor, "/", "impostor", "Yes")
	form := impostor.Get(s.url("/.latchkey/sign-out")).Form(t, "Sign out")
	form.Values.Set("everywhere", "1")
	impostor.Send(form)
	s.mustBeDead(impostor, "the impostor")
	if !s.alive(alice) {
		t.Error("A65: somebody of the same name ended alice's session")
	}
}

// A25: anonymous requests, sign-ins begun and never finished among them, leave nothing in the store.
func TestA25AnonymousRequestsWriteNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	before := rig.RedisCommand(t, s.redis, "DBSIZE")
	for i := range 150 {
		c := rig.NewHTTP(t)
		c.Get(s.url(fmt.Sprintf("/%d", i)))
		c.Get(s.url("/.latchkey/sign-in?return=/x"))
		c.Get(s.url("/.latchkey/callback?state=" + strings.Repeat("A", 31) + "&code=x"))
	}
	if after := rig.RedisCommand(t, s.redis, "DBSIZE"); after != before {
		t.Errorf("keys in the store: %s, before %s", after, before)
	}
}

// A47: a session that can be written can be read, however much the provider says about a person; or the sign-in fails
// loudly, once.
func TestA47LargeSessions(t *testing.T) {
	t.Parallel()
	users := people()
	for name, n := range map[string]int{"many": 500, "very-many": 3000} {
		groups := make([]string, n)
		for i := range groups {
			groups[i] = fmt.Sprintf("6f1c2a3e-0000-4000-8000-%012d", i)
		}
		users[name] = rig.Claims{"preferred_username": name, "groups": groups}
	}
	s := newSite(t, config{users: users, site: "headers none"})
	for _, name := range []string{"many", "very-many"} {
		c := rig.NewHTTP(t)
		r := s.enter(c, "/", name, "Yes")
		switch {
		case isApp(r):
			s.gw.Restart()
			if !s.alive(c) {
				t.Errorf("%s: written, but not read again", name)
			}
		case name == "many" || r.StatusCode < 400:
			t.Errorf("%s: %d at %s", name, r.StatusCode, r.At)
		}
	}
}

// A81: requests in flight while a session ends do not bring it back.
func TestA81InFlightRequestsReviveNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{site: "activity any"})
	for range 5 {
		c := rig.NewHTTP(t)
		s.entered(c, "/", "alice", "Yes")
		form := c.Get(s.url("/.latchkey/sign-out")).Form(t, "Sign out")
		stop := make(chan struct{})
		done := make(chan struct{}, 4)
		for range cap(done) {
			busy := c.Copy(t)
			go func() {
				defer func() { done <- struct{}{} }()
				for {
					select {
					case <-stop:
						return
					default:
						_, _ = busy.Try(rig.Call{URL: s.url("/busy"), Navigate: true})
					}
				}
			}()
		}
		c.Send(form)
		close(stop)
		for range cap(done) {
			<-done
		}
		rig.Until(t, rig.Patience, "no session record is left", func() bool { return s.sessions() == 0 })
	}
}
