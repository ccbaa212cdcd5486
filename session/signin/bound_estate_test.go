package signin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/bound"
	"github.com/latchkey-gateway/latchkey/session/signin/bound/boundtest"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// V1, V14: Issue 11: behind a sign-in host a session has one key for each host: the sign-in host offers the binding in the answer that
// ends the sign-in, and each site in the answer that takes over the session. Each host has a session of its own in the
// browser's list, and a short cookie of its own.
func TestBoundAtEachHost(t *testing.T) {
	g := boundEstate(t)
	b := g.boundWalker()
	b.enters(wiki+"/page", "yes")
	if asked := b.enters(crm+"/deals", ""); asked != 1 {
		t.Errorf("the second site: the provider was asked %d times, want once, without a page", asked)
	}
	b.enters(admin+"/", "")
	who := b.record(wiki)
	seen := map[string]bool{}
	for _, origin := range []string{login, wiki, crm, admin} {
		key, told := who.Binding.At(hostOf(origin)), b.told[origin]
		if key == nil || told == nil || key.Identifier != told[0] || seen[key.Identifier] {
			t.Fatalf("%s: key %+v, the browser knows %v", origin, key, told)
		}
		seen[key.Identifier] = true
		if c := b.at(origin, browser.BoundCookie); c == nil {
			t.Errorf("%s: no short cookie", origin)
		}
		if other := b.record(origin); other.ID != who.ID {
			t.Errorf("%s has another session", origin)
		}
	}
	if !who.Binding.Bound() || who.Limit != boundLimits.Persistent {
		t.Errorf("%+v, limit %v", who.Binding, who.Limit)
	}
	g.clock.Advance(boundLife)
	asked := g.idp.Count("/token")
	for _, origin := range []string{wiki, crm, admin} {
		if got := b.script(origin); got != http.StatusUnauthorized {
			t.Errorf("%s after the short cookie: %d", origin, got)
		}
		if !b.refresh(origin) || b.script(origin) != http.StatusOK {
			t.Errorf("%s is not refreshed", origin)
		}
		g.clock.Advance(boundLife)
		b.enters(origin+"/link", "")
	}
	if n := g.idp.Count("/token"); n != asked {
		t.Errorf("the provider was asked %d times", n-asked)
	}
}

// V5: Cookies and proofs of one host are good for no other.
func TestBoundHostsAreApart(t *testing.T) {
	g := boundEstate(t)
	b := g.boundWalker()
	b.enters(wiki+"/", "yes")
	b.enters(crm+"/", "")
	u, _ := url.Parse(crm)
	thief := b.thief(crm)
	thief.client.Jar.SetCookies(u, []*http.Cookie{{Name: short, Value: b.at(wiki, browser.BoundCookie).Value, Path: "/", Secure: true}})
	if got := thief.script(crm); got != http.StatusUnauthorized {
		t.Errorf("the short cookie of another host: %d", got)
	}
	// A challenge of this host for the session of another one is not given.
	r := thief.do(http.MethodPost, crm+bound.RefreshPath, nil, "Accept", "*/*", "Sec-Secure-Session-Id", b.told[wiki][0])
	if text, _ := boundtest.ReadChallenge(t, r.header); r.status != http.StatusOK || text != "" || !strings.Contains(r.body, `"continue":false`) {
		t.Errorf("the session of another host: %d, challenge %q", r.status, text)
	}
	for name, say := range map[string][2]string{
		"the session of another host":   {b.told[wiki][0], b.devices[wiki].Proof(b.told[wiki][1])},
		"the key of another host":       {b.told[crm][0], b.devices[wiki].Proof(b.told[crm][1])},
		"the challenge of another host": {b.told[crm][0], b.devices[crm].Proof(b.told[wiki][1])},
	} {
		r := thief.do(http.MethodPost, crm+bound.RefreshPath, nil, "Accept", "*/*", "Sec-Secure-Session-Id", say[0], "Secure-Session-Response", say[1])
		if r.setCookies()[short] != nil {
			t.Errorf("%s: %d, a short cookie", name, r.status)
		}
	}
}

// V1, V15: Within the time of a copied short cookie of the sign-in host a thief can enter a site, and no longer than that. No
// key of the thief is registered anywhere.
func TestStolenSignInHost(t *testing.T) {
	g := boundEstate(t)
	b := g.boundWalker()
	b.enters(wiki+"/", "yes")
	b.enters(crm+"/", "")
	g.clock.Advance(4 * time.Minute)
	thief := b.thief(login)
	thief.silent = true // at the provider nobody is signed in
	thief.enters(admin+"/", "")
	if len(thief.told) > 0 || b.record(wiki).Binding.At(hostOf(admin)) != nil {
		t.Fatalf("the thief's key is registered: %v", thief.told)
	}
	g.clock.Advance(boundLife - 4*time.Minute)
	if got := thief.script(admin); got != http.StatusUnauthorized {
		t.Errorf("the copy works on: %d", got)
	}
	at := admin + "/"
	for range 9 { // up to the page at the provider
		r := thief.request(http.MethodGet, at, nil)
		if at = next(t, at, r); strings.HasPrefix(at, g.idp.URL) && query(t, at).Get("prompt") == "none" {
			asked := query(t, at)
			at = asked.Get("redirect_uri") + "?" + url.Values{"state": {asked.Get("state")}, "error": {"login_required"}}.Encode()
		} else if strings.HasPrefix(at, g.idp.URL) {
			break
		}
	}
	if !strings.HasPrefix(at, g.idp.URL) {
		t.Errorf("the copy leads to %s", at)
	}
	b.enters(wiki+"/", "")
}

// V15: A site that has no key of its own takes what the sign-in host has proven, for that time. Then the browser goes there
// again, where it refreshes, and comes back without a page.
func TestSiteWithoutKey(t *testing.T) {
	g := boundEstate(t)
	b := g.boundWalker()
	b.deaf[crm] = true
	b.enters(wiki+"/", "yes")
	b.silent = true
	b.enters(crm+"/", "")
	for range 3 {
		g.clock.Advance(boundLife)
		if got := b.script(crm); got != http.StatusUnauthorized {
			t.Fatalf("without proof: %d", got)
		}
		if asked := b.enters(crm+"/", ""); asked != 0 {
			t.Errorf("signed in %d times", asked)
		}
		if got := b.script(crm); got != http.StatusOK {
			t.Errorf("after the way over the sign-in host: %d", got)
		}
	}
	if who := b.record(crm); who.Binding.At(hostOf(crm)) != nil || who.ID != b.record(wiki).ID {
		t.Errorf("%+v", who.Binding)
	}
}

// V3: A browser that has lost its key at a host gets another one there, once the provider has said who uses it; those of other
// hosts stay, and so does the session.
func TestKeyLostAtOneHost(t *testing.T) {
	for _, lost := range []string{crm, login} {
		g := boundEstate(t)
		b := g.boundWalker()
		b.enters(wiki+"/", "yes")
		b.enters(crm+"/", "")
		before := b.record(wiki)
		delete(b.told, lost)
		delete(b.devices, lost)
		b.drop(crm, browser.SessionCookie)
		b.drop(crm, browser.BoundCookie)
		g.clock.Advance(boundLife)
		b.enters(crm+"/", "")
		who := b.record(crm)
		if who.ID != before.ID {
			t.Fatalf("%s: the session did not go on", lost)
		}
		for _, origin := range []string{wiki, crm, login} {
			was, is := before.Binding.At(hostOf(origin)), who.Binding.At(hostOf(origin))
			if changed := string(was.Key) != string(is.Key); changed != (origin == lost || origin == crm) && origin != crm {
				t.Errorf("%s lost: the key of %s changed is %t", lost, origin, changed)
			}
		}
		g.clock.Advance(boundLife)
		if !b.refresh(lost) {
			t.Errorf("%s: not refreshed with the new key", lost)
		}
		b.enters(wiki+"/", "")
	}
}

// V4: A registration at the sign-in host that is lost leaves its session cookie one of before: it ends, and what the provider
// says replaces it. The site goes on.
func TestSignInHostWithoutKey(t *testing.T) {
	g := boundEstate(t)
	b := g.boundWalker()
	b.deaf[login] = true
	b.enters(wiki+"/", "yes")
	id := b.record(wiki).ID
	g.clock.Advance(access.OldHandleGrace)
	if at, r := b.thief(login).walk(crm+"/", b.thief(login).get(crm+"/"), g.idp.URL); !strings.HasPrefix(at, g.idp.URL) {
		t.Errorf("the cookie of before: %d at %s", r.status, at)
	}
	b.deaf[login] = false
	b.enters(crm+"/", "")
	if who := b.record(crm); who.ID != id || who.Binding.At(hostOf(login)) == nil || who.Binding.At(hostOf(crm)) == nil {
		t.Errorf("%+v", who.Binding)
	}
	if got := b.script(wiki); got != http.StatusOK {
		t.Errorf("the site: %d", got)
	}
}

// V16: Signing out at a site needs no proof there, and ends the session for all hosts; no refresh brings a cookie back.
func TestSignOutOfBoundEstate(t *testing.T) {
	g := boundEstate(t)
	b := g.boundWalker()
	b.enters(wiki+"/", "yes")
	b.enters(crm+"/", "")
	id := b.record(wiki).ID
	b.drop(crm, browser.BoundCookie)
	page := b.get(crm + browser.Base + "/sign-out")
	r := b.do(http.MethodPost, crm+browser.Base+"/sign-out", url.Values{"csrf": {csrf(page.body)}})
	if c := r.setCookies()[handle]; c == nil || c.MaxAge >= 0 {
		t.Errorf("the cookie stays: %+v", c)
	}
	if _, err := g.service.Sessions.Reload(t.Context(), session.Token{ID: id}); !errors.Is(err, session.ErrNotFound) {
		t.Fatalf("it lives: %v", err)
	}
	for _, origin := range []string{wiki, login} {
		if b.refresh(origin) || b.told[origin] != nil {
			t.Errorf("%s is refreshed after the sign-out", origin)
		}
	}
	if got := b.script(wiki); got != http.StatusUnauthorized {
		t.Errorf("the other site: %d", got)
	}
}

// V11: A step-up goes on under another ID with all keys, and the site keeps its own.
func TestStepUpOfBoundEstate(t *testing.T) {
	g := boundEstate(t)
	b := g.boundWalker()
	b.enters(wiki+"/", "yes")
	b.enters(crm+"/", "")
	before := b.record(crm)
	b.demandMFA(crm)
	b.enters(crm+"/", "")
	who := b.record(crm)
	if who.ID == before.ID || string(who.Binding.At(hostOf(crm)).Key) != string(before.Binding.At(hostOf(crm)).Key) || len(who.Binding.More) != 2 {
		t.Errorf("%+v", who.Binding)
	}
	g.clock.Advance(boundLife)
	if !b.refresh(crm) || b.script(crm) != http.StatusOK {
		t.Error("not refreshed with the key of before")
	}
	b.enters(wiki+"/", "")
}

// The rules of a site are not those of the sign-in host: there a session of any provider and user is refreshed, and each
// site asks its own.
func TestRefreshAtSignInHostAsksNoRules(t *testing.T) {
	g := boundEstate(t)
	g.sites[hostOf(login)].Gate = refuseAll{}
	g.sites[hostOf(login)].Providers = []string{"another"}
	b := g.boundWalker()
	b.enters(wiki+"/", "yes")
	b.refresh(login)
	if b.told[login] == nil || !b.refresh(login) {
		t.Error("the binding of the sign-in host ended by rules that are for no site")
	}
}

type refuseAll struct{}

func (refuseAll) Admit(*access.Visit, *session.Record, access.Asked) access.Admission {
	return access.Admission{Refusal: &access.Refusal{}}
}

// V19: What the provider says of another user hands over nothing of the session.
func TestAnotherUserAtTheProvider(t *testing.T) {
	g := boundEstate(t)
	g.service.Prompt.SharedUsers = 0
	b := g.boundWalker()
	b.enters(wiki+"/", "yes")
	id := b.record(wiki).ID
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": "s-2"} })
	b.enters(crm+"/", "no")
	if who := b.record(crm); who.ID == id || who.Identity.Subject != "s-2" {
		t.Errorf("%+v", who.Identity)
	}
}
