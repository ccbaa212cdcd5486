package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// newSilent is a site whose provider remembers browsers and gives no refresh tokens.
func newSilent(t *testing.T, lines string) *site {
	t.Helper()
	no := false
	return newSite(t, config{
		provider: "recheck silent", app: recheck2s, site: lines,
		idp: func(ic *rig.IDPConfig) { ic.SSO, ic.Refresh = true, &no },
	})
}

// asked counts the round trips in silence.
func (s *site) askedSilently() (n int) {
	s.t.Helper()
	for _, r := range s.idp.State().Requests {
		if r.Endpoint == "authorize" && r.Query["prompt"] == "none" && r.Query["client_id"] != "" {
			n++
		}
	}
	return n
}

// open opens a page as somebody would and returns where that ends.
func (s *site) open(c *rig.HTTP, path string) rig.Reply {
	s.t.Helper()
	return c.Follow(c.Get(s.url(path)), nil)
}

// X20: where there is no refresh token, the next page that is opened makes a round trip to the provider that nobody sees,
// and what has changed there acts on that very request, both ways. Scripts are not sent anywhere; the session stays.
func TestSilentRecheck(t *testing.T) {
	t.Parallel()
	s := newSilent(t, "deny group suspended")
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	was, forms := c.Cookie(s.host(), s.cookie("")), s.idp.Hits("login")
	become := func(groups ...string) {
		s.idp.SetUser("alice", rig.Claims{"preferred_username": "alice", "groups": groups})
	}
	// renewed opens a page until the provider was asked anew, and returns what that request got.
	renewed := func(path string) (r rig.Reply) {
		t.Helper()
		before := s.askedSilently()
		rig.Within(t, 2*recheckEvery+recheckSlack, "a round trip", func() bool {
			if s.api(c, "/script").StatusCode >= 500 {
				t.Fatal("a script was not answered")
			}
			r = s.open(c, path)
			return s.askedSilently() > before
		})
		return r
	}
	become("staff", "suspended")
	if r := renewed("/page?x=1"); r.StatusCode != http.StatusForbidden || r.At.RequestURI() != "/page?x=1" {
		t.Errorf("who was put into a denied group opened %s: %d", r.At, r.StatusCode)
	}
	if r := s.api(c, "/x"); r.StatusCode != http.StatusForbidden {
		t.Errorf("a script got %d", r.StatusCode)
	}
	become("staff", "pilots")
	if r := renewed("/back"); !isApp(r) || s.app.Last(t).Header.Get("Remote-Groups") != "staff,pilots" {
		t.Errorf("who was taken out of it: %d, with the groups %q", r.StatusCode, s.app.Last(t).Header.Get("Remote-Groups"))
	}
	if c.Cookie(s.host(), s.cookie("")) != was || s.sessions() != 1 || s.idp.Hits("login") != forms {
		t.Errorf("%d sessions, %d forms, before %d", s.sessions(), s.idp.Hits("login"), forms)
	}
	if s.idp.Last("authorize").Query["id_token_hint"] == "" {
		t.Error("the provider was not told about whom it is asked")
	}
}

// D4: a provider that would have to ask the person has not refused them: it is logged (50058), the session stays, and the
// page leads to a full sign-in, after which there is one session still.
func TestSilentRecheckLoginRequired(t *testing.T) {
	t.Parallel()
	s := newSilent(t, "")
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	was := c.Cookie(s.host(), s.cookie(""))
	s.idp.SSO(false)
	var r rig.Reply
	rig.Within(t, 2*recheckEvery+recheckSlack, "the provider's form", func() bool {
		r = s.open(c, "/page")
		return strings.Contains(r.Text, "who are you?")
	})
	e := s.gw.AwaitSignIns(50058, 1, rig.Patience)[0]
	if e.Text("userPrincipalName") != "alice" || e.Text("signInStatus") != "interrupted" {
		t.Errorf("50058: %v", e)
	}
	if !s.alive(c) {
		t.Error("the session is over before anybody has refused it")
	}
	if r = c.Press(r, "alice"); isPrompt(r) {
		r = c.Press(r, "Yes")
	}
	if !isApp(r) || r.At.Path != "/page" {
		t.Errorf("after the sign-in: %d at %s\n%s", r.StatusCode, r.At, r.Text)
	}
	if s.sessions() != 1 || c.Cookie(s.host(), s.cookie("")) == was {
		t.Errorf("%d sessions, and the cookie is the old one: %v", s.sessions(), c.Cookie(s.host(), s.cookie("")) == was)
	}
}

// D1: a provider that is away ends nothing and nobody is sent to a page that does not load.
func TestSilentRecheckOutage(t *testing.T) {
	t.Parallel()
	s := newSilent(t, "")
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	s.idp.Down()
	rig.Within(t, 2*recheckEvery+recheckSlack, "the gateway says that it cannot ask", func() bool {
		if r := s.open(c, "/page"); !isApp(r) || r.At.Path != "/page" {
			t.Fatalf("while the provider is away: %d at %s", r.StatusCode, r.At)
		}
		return strings.Contains(s.gw.Output(), "claims of sessions are not renewed")
	})
	if !s.alive(c) || s.sessions() != 1 {
		t.Error("an outage of the provider ended a session")
	}
}
