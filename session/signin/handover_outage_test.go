package signin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// The store is away at any point of the way: a page that says so, no cookie is cleared or given, and the same address works
// when it is back.
func TestHandoverDuringAnOutage(t *testing.T) {
	g := estate(t)
	b := g.walker()
	b.enter(wiki+"/", "yes")
	ask := b.get(crm + "/").location
	finish := b.toFinish(crm + "/page")
	down := errors.New("no route to the store")
	for name, at := range map[string]string{"at the sign-in host": ask, "at the site": finish} {
		g.store.Fail(down)
		r := b.get(at)
		if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" || len(r.setCookies()) != 0 || r.location != "" {
			t.Errorf("%s: %d to %q, cookies %v", name, r.status, r.location, r.setCookies())
		}
		if !strings.Contains(r.body, "You have not been signed out") {
			t.Errorf("%s: %s", name, r.body)
		}
		g.store.Fail(nil)
	}
	if r := b.get(finish); r.location != "/page" {
		t.Errorf("afterwards: %d to %q", r.status, r.location)
	}
	b.in(crm + "/")
	if at, r := b.walk(crm, b.get(ask), ""); at != crm+"/" || r.status != http.StatusOK {
		t.Errorf("the sign-in host afterwards: %d at %s", r.status, at)
	}
}

// A ticket that cannot be written signs no user in at the site and none out at the sign-in host.
func TestTicketNotWritten(t *testing.T) {
	store := &refusing{kind: "t"}
	g := estate(t, func(s *settings) { s.wrap = store })
	b := g.walker()
	b.enter(wiki+"/", "yes")
	store.on.Store(true)
	at, r := b.open(crm + "/")
	if r.status != http.StatusServiceUnavailable || !strings.HasPrefix(at, login) || b.at(crm, browser.SessionCookie) != nil {
		t.Errorf("%d at %s", r.status, at)
	}
	store.on.Store(false)
	b.in(crm + "/")
}

// Two replicas share store and keys: each station may be at another of them.
func TestHandoverAmongReplicas(t *testing.T) {
	g := estate(t)
	other := estate(t, func(s *settings) { s.store, s.clock, s.idp, s.log = g.store, g.clock, g.idp, g.log })
	b := g.walker()
	turn := func(to *gateway) {
		b.gateway = to
		b.client.CloseIdleConnections()
	}
	b.enter(wiki+"/", "no")
	at := crm + "/page"
	for i := range 4 {
		turn([]*gateway{other, g}[i%2])
		r := b.get(at)
		if i == 3 {
			if r.body != "app: ada browser" {
				t.Errorf("%d to %q", r.status, r.location)
			}
			break
		}
		if at = next(t, at, r); at == "" {
			t.Fatalf("station %d: %d %s", i, r.status, r.body)
		}
	}
	// Signed out at one, out at the other.
	turn(other)
	r := b.get(crm + browser.Base + "/sign-out")
	b.do(http.MethodPost, crm+browser.Base+"/sign-out", url.Values{"csrf": {csrf(r.body)}})
	turn(g)
	if r := b.get(wiki + "/"); r.status != http.StatusSeeOther {
		t.Errorf("wiki at the other replica: %d", r.status)
	}
}

// A site that is removed from the configuration during a sign-in for it gets no session.
func TestSiteGoneMeanwhile(t *testing.T) {
	g := estate(t)
	b := g.walker()
	at, _ := b.walk(crm+"/", b.get(crm+"/"), g.idp.URL)
	site := g.sites[hostOf(crm)]
	delete(g.sites, hostOf(crm))
	asked := query(t, at)
	r := b.get(login + browser.Base + "/callback?" + url.Values{"state": {asked.Get("state")}, "code": {asked.Get("nonce")}}.Encode())
	if r.status != http.StatusBadRequest || g.idp.Count("/token") != 0 {
		t.Errorf("callback: %d to %q", r.status, r.location)
	}
	g.sites[hostOf(crm)] = site
	at, r = b.open(crm + "/")
	delete(g.sites, hostOf(crm))
	if r = b.do(http.MethodPost, at, url.Values{"csrf": {csrf(r.body)}, "answer": {"yes"}}); strings.Contains(r.header.Get("Refresh"), crm) {
		t.Errorf("the answer leads to %q", r.header.Get("Refresh"))
	}
	if r := b.get(at); r.status == http.StatusOK {
		t.Errorf("the prompt: %d", r.status)
	}
}

// A mark that ends the sessions of one app ends none elsewhere: that app asks for a sign-in.
func TestRevokedForOneApp(t *testing.T) {
	g := estate(t)
	b := g.walker()
	b.enter(wiki+"/", "yes")
	b.in(crm + "/")
	g.clock.Advance(2 * time.Second)
	if err := g.service.Sessions.RevokeBefore(t.Context(), session.Scope{App: "crm"}, g.clock.Now()); err != nil {
		t.Fatal(err)
	}
	g.clock.Advance(2 * time.Second)
	b.in(wiki + "/")
	asked := g.idp.Count("/token")
	b.enter(crm+"/", "no")
	if g.idp.Count("/token") != asked+1 {
		t.Error("crm did not ask for a sign-in")
	}
	b.in(wiki + "/")
}
