package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// K4, A11, A22: sign-out kills the session on the server. A copy of the cookie, taken before, is worth nothing after.
func TestSignOutKillsTheCopiedCookie(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"redis", "embedded"} {
		t.Run(store, func(t *testing.T) {
			s := newSite(t, config{embedded: store == "embedded"})
			c := rig.NewHTTP(t)
			s.entered(c, "/", "alice", "Yes")
			thief := c.Copy(t)
			if !s.alive(thief) {
				t.Fatal("the copied cookie does not work before sign-out")
			}
			other := rig.NewHTTP(t)
			s.entered(other, "/", "alice", "Yes")
			c.Send(c.Get(s.url("/.latchkey/sign-out")).Form(t, "Sign out"))
			s.mustBeDead(thief, "the thief")
			s.mustBeDead(c, "the browser")
			if c.Cookie(s.host(), s.cookie("")) != "" {
				t.Error("the session cookie is still there")
			}
			if !s.alive(other) {
				t.Error("sign-out in one browser ended another's session")
			}
			s.gw.Restart() // A76: neither store forgets it
			s.mustBeDead(thief, "the thief after a restart")
			if !s.alive(other) {
				t.Error("the restart ended the other session")
			}
		})
	}
}

// A73: in a real browser, on both transports, the deletion cookies delete; the provider ends its session too and sends
// the person back to our page.
func TestSignOutInTheBrowser(t *testing.T) {
	t.Parallel()
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			s := newSite(t, config{https: tr.https, idp: func(c *rig.IDPConfig) { c.SSO = true }})
			b := s.browser()
			s.signIn(b.Page, "/", "alice", "Yes")
			if at := b.Goto(s.url("/.latchkey/sign-out")); at.Status != 200 {
				t.Fatalf("the question: %+v", at)
			}
			if c, ok := b.Cookie(s.cookie("")); !ok || c.Value == "" {
				t.Error("A23: the question alone removed the cookie")
			}
			b.Click("Sign out")
			if _, ok := b.Cookie(s.cookie("")); ok {
				t.Error("A73: the session cookie survived")
			}
			q := s.idp.Last("end_session").Query
			if q["post_logout_redirect_uri"] != s.url("/.latchkey/signed-out") || strings.Count(q["id_token_hint"], ".") != 2 || q["client_id"] != "gw" {
				t.Errorf("RP-initiated logout: %v", q)
			}
			b.Click("Yes, sign out of the provider")
			if at := b.URL(); !strings.HasPrefix(at, s.url("/.latchkey/signed-out")) {
				t.Errorf("after the provider: %s", at)
			}
			if text := b.Text(); !strings.Contains(text, "You are signed out") {
				t.Errorf("the last page: %s", text)
			}
			b.Goto(s.url("/"))
			s.atProvider(b.Page)
		})
	}
}

// A73: what deletes equals what created, in name, path, domain, Secure, HttpOnly and SameSite.
func TestDeletionMirrorsCreation(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{https: true})
	c := rig.NewHTTP(t)
	made := map[string]*http.Cookie{}
	r := s.enter(c, "/", "alice", "")
	answer := c.Send(r.Form(t, "Yes"))
	out := c.Send(c.Get(s.url("/.latchkey/sign-out")).Form(t, "Sign out"))
	for _, reply := range []rig.Reply{answer, out} {
		for _, ck := range reply.Cookies() {
			if ck.Value != "" && ck.MaxAge >= 0 {
				made[ck.Name] = ck
				continue
			}
			if !ck.Secure || !ck.HttpOnly || ck.Path != "/" || ck.Domain != "" || ck.SameSite == http.SameSiteDefaultMode {
				t.Errorf("a deletion that browsers ignore: %v", ck.Raw)
			}
			if m := made[ck.Name]; m != nil && (m.SameSite != ck.SameSite || m.Path != ck.Path || m.Partitioned != ck.Partitioned) {
				t.Errorf("made as %v, deleted as %v", m.Raw, ck.Raw)
			}
		}
	}
	if made[s.cookie("")] == nil {
		t.Fatal("no session cookie was made")
	}
}

// A provider that is down or has no end_session_endpoint keeps no user signed in here.
func TestSignOutWithTheProviderDown(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	thief := c.Copy(t)
	s.idp.Down()
	if r := c.Send(c.Get(s.url("/.latchkey/sign-out")).Form(t, "Sign out")); r.StatusCode >= 500 {
		t.Errorf("sign-out: %d", r.StatusCode)
	}
	s.mustBeDead(thief, "the copy")

	o := rig.NewOdd(t)
	o.Set(rig.Lies{Discovery: func(doc map[string]any) { delete(doc, "end_session_endpoint") }})
	s = newSite(t, config{issuer: o.Issuer})
	c = rig.NewHTTP(t)
	s.enter(c, "/", "odd", "Yes")
	r := c.Follow(c.Send(c.Get(s.url("/.latchkey/sign-out")).Form(t, "Sign out")), nil)
	if r.StatusCode != 200 || r.At.Path != "/.latchkey/signed-out" {
		t.Errorf("without an end_session_endpoint: %d at %s", r.StatusCode, r.At)
	}
}

// A refresh token is given back to the provider when its person signs out (RFC 7009).
func TestRefreshTokenIsRevoked(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	c.Send(c.Get(s.url("/.latchkey/sign-out")).Form(t, "Sign out"))
	rig.Until(t, 5e9, "the provider is asked to revoke", func() bool { return s.idp.Hits("revocation") > 0 })
}

// A79: a forged or foreign session id signs no user out; without a session sign-out is a harmless page.
func TestSignOutWithoutASession(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	alice := rig.NewHTTP(t)
	s.entered(alice, "/", "alice", "Yes")
	value := alice.Cookie(s.host(), s.cookie(""))
	forged := rig.NewHTTP(t)
	forged.SetCookie(s.host(), s.cookie(""), value[:len(value)/2]+strings.Repeat("A", len(value)-len(value)/2))
	r := forged.Do(rig.Call{
		URL: s.url("/.latchkey/sign-out"), Form: url.Values{"everywhere": {"1"}}, Navigate: true,
		Header: http.Header{"Origin": {s.origin()}, "Sec-Fetch-Site": {"same-origin"}},
	})
	if r.StatusCode >= 500 {
		t.Errorf("a forged cookie at sign-out: %d", r.StatusCode)
	}
	if !s.alive(alice) {
		t.Error("A79: a forged cookie signed somebody out")
	}
	if r := rig.NewHTTP(t).Get(s.url("/.latchkey/sign-out")); r.StatusCode >= 400 {
		t.Errorf("sign-out without a session: %d", r.StatusCode)
	}
}
