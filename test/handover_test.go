package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// One sign-in, one answer, three sites under two unrelated domains, each with a cookie of its own that no other host
// gets; what a site says of who may enter holds there; sign-out at one is sign-out at all (K4, A22, A27).
func TestOneSignInForAllSites(t *testing.T) {
	t.Parallel()
	e := newEstate(t, "")
	c := rig.NewHTTP(t)
	e.enter(c, wikiHost, "alice", "Yes")
	e.in(c, crmHost)
	if r := c.Follow(c.Get(e.url(adminHost, "/")), nil); r.StatusCode != http.StatusForbidden || c.Cookie(adminHost, "__Host-latchkey") != "" {
		t.Errorf("admin lets alice in: %d at %s", r.StatusCode, r.At)
	}
	if n := e.idp.Hits("token"); n != 1 {
		t.Errorf("%d sign-ins at the provider", n)
	}
	seen := map[string]bool{}
	for _, host := range []string{wikiHost, crmHost, loginHost} {
		seen[c.Cookie(host, "__Host-latchkey")] = true
	}
	if len(seen) != 3 || seen[""] {
		t.Error("three hosts, three cookies: not so")
	}
	entries := e.gw.AwaitSignIns(0, 2, rig.Patience)
	if entries[0]["appDisplayName"] != "wiki" || entries[0]["isInteractive"] != true ||
		entries[1]["appDisplayName"] != "crm" || entries[1]["isInteractive"] != false || entries[0]["sessionId"] != entries[1]["sessionId"] {
		t.Errorf("the sign-in log: %v", entries)
	}

	adam := rig.NewHTTP(t)
	e.enter(adam, adminHost, "adam", "No")
	e.in(adam, wikiHost)

	copied := c.Copy(t)
	form := c.Get(e.url(crmHost, "/.latchkey/sign-out")).Form(t, "Sign out")
	if to := c.Send(form).Location(); to == nil || to.Query().Get("post_logout_redirect_uri") != e.url(loginHost, "/.latchkey/signed-out") {
		t.Errorf("sign-out leads to %v", to)
	}
	for _, host := range []string{wikiHost, crmHost, loginHost} {
		if r := copied.Follow(copied.Get(e.url(host, "/")), nil); !strings.HasPrefix(r.At.String(), e.idp.Issuer) {
			t.Errorf("%s after sign-out: %d at %s", host, r.StatusCode, r.At)
		}
	}
	e.in(adam, wikiHost)
}

// A ticket that one replica made is spent at another, after a restart of the first; spent means spent for both.
func TestTicketsAmongReplicas(t *testing.T) {
	t.Parallel()
	e := newEstate(t, "")
	other := e.replica()
	c := rig.NewHTTP(t)
	e.enter(c, wikiHost, "alice", "Yes")
	r := c.Get(e.url(crmHost, "/page"))
	for r.Location() != nil && r.Location().Path != "/.latchkey/finish" {
		r = c.Get(r.Location().String())
	}
	finish := r.Location()
	if finish == nil {
		t.Fatalf("no ticket: %d at %s", r.StatusCode, r.At)
	}
	e.gw.Restart()
	thief := c.Copy(t)
	if r = other.at(c, finish.String()); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/page" {
		t.Fatalf("the other replica: %d to %q\n%s", r.StatusCode, r.Header.Get("Location"), r.Text)
	}
	for _, replica := range []*estate{e, other} {
		if replica.at(thief, finish.String()); thief.Cookie(crmHost, "__Host-latchkey") != "" {
			t.Error("a spent ticket gave a session")
		}
	}
	stranger := rig.NewHTTP(t)
	if e.at(stranger, finish.String()); stranger.Cookie(crmHost, "__Host-latchkey") != "" {
		t.Error("a stranger got a session")
	}
	e.in(c, crmHost)
}

// In a real browser: a second site on another domain opens without another page; Yes survives a restart of the browser at
// every site, No at none; signing out at one site signs out at the other (K2, K5).
func TestOneSignInForAllInTheBrowser(t *testing.T) {
	t.Parallel()
	e := newEstate(t, "")
	for answer, survives := range map[string]bool{"Yes": true, "No": false} {
		t.Run(answer, func(t *testing.T) {
			b := rig.NewBrowser(t, rig.BrowserOptions{IgnoreCertificates: true, Lasting: true})
			b.Goto(e.url(wikiHost, "/start"))
			b.Click("alice")
			if text := b.Text(); !strings.Contains(text, promptTitle) || !strings.HasPrefix(b.URL(), e.url(loginHost, "/.latchkey/stay")) {
				t.Fatalf("at %s, expected the prompt: %s", b.URL(), text)
			}
			if at := b.Click(answer); at.URL != e.url(wikiHost, "/start") {
				t.Fatalf("after the answer: %+v: %s", at, b.Text())
			}
			if !e.home(b.Page, crmHost) {
				t.Fatalf("crm is at %s: %s", b.URL(), b.Text())
			}
			for _, host := range []string{wikiHost, crmHost, loginHost} {
				for _, ck := range b.Cookies(e.url(host, "/")) {
					if ck.Domain != host || !ck.Secure || !ck.HTTPOnly || ck.Path != "/" || ck.Name == "__Host-latchkey" && (ck.Expires > 0) != survives {
						t.Errorf("%s: %+v", host, ck)
					}
				}
			}
			b.Restart()
			for _, host := range []string{crmHost, wikiHost} {
				if e.home(b.Page, host) != survives {
					t.Errorf("after the restart, %s is at %s", host, b.URL())
				}
			}
			if !survives {
				return
			}
			b.Goto(e.url(crmHost, "/.latchkey/sign-out"))
			b.Click("Sign out")
			if e.home(b.Page, wikiHost) || !strings.Contains(b.Text(), "who are you?") {
				t.Errorf("signed out at crm, wiki is at %s: %s", b.URL(), b.Text())
			}
		})
	}
}
