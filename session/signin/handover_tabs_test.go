package signin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// The prompt is one for all: a tab that wants to another site while it is up is shown it as well, and is led to its own
// page by the answer. Back from there leads to a page, not to an error, and not to a second question.
func TestPromptInTwoTabs(t *testing.T) {
	g := estate(t)
	b := g.walker()
	first, p := b.open(wiki + "/one")
	second, q := b.open(crm + "/two")
	if !stays(strings.TrimPrefix(first, login)) || !stays(strings.TrimPrefix(second, login)) || !strings.Contains(p.body, "wiki") {
		t.Fatalf("%s and %s", first, second)
	}
	at, r := b.walk(second, b.do(http.MethodPost, second, url.Values{"csrf": {csrf(q.body)}, "answer": {"yes"}, "return": {crm + "/two"}}), "")
	if at != crm+"/two" || r.status != http.StatusOK {
		t.Errorf("the second tab is at %s: %d", at, r.status)
	}
	at, r = b.walk(first, b.do(http.MethodPost, first, url.Values{"csrf": {csrf(p.body)}, "answer": {"no"}, "return": {wiki + "/one"}}), "")
	if at != wiki+"/one" || r.body != "app: ada persistent" {
		t.Errorf("A9: the first tab is at %s: %d", at, r.status)
	}
	b.in(wiki + "/one")
	for range 2 {
		if at, r := b.open(login + browser.Base + "/stay"); at != crm+"/two" || r.status != http.StatusOK {
			t.Errorf("Back to the prompt: %d at %s", r.status, at)
		}
	}
	if n := g.idp.Count("/token"); n != 1 {
		t.Errorf("%d sign-ins at the provider", n)
	}
}

// Two tabs at the provider at once: whoever comes back second goes on with the session of the first and is not asked
// again, and the first one's pages notice nothing.
func TestTwoTabsAtTheProvider(t *testing.T) {
	g := estate(t)
	b := g.walker()
	atProvider := func(page string) string {
		at, _ := b.walk(page, b.get(page), g.idp.URL)
		return at
	}
	one, two := atProvider(wiki+"/"), atProvider(crm+"/")
	back := func(at string) (string, result) {
		asked := query(t, at)
		u := login + browser.Base + "/callback?" + url.Values{"state": {asked.Get("state")}, "code": {asked.Get("nonce")}}.Encode()
		return b.walk(u, b.get(u), "")
	}
	at, r := back(one)
	b.walk(at, b.do(http.MethodPost, at, url.Values{"csrf": {csrf(r.body)}, "answer": {"yes"}}), "")
	cookie := b.at(wiki, browser.SessionCookie).Value
	if at, r := back(two); at != crm+"/" || r.body != "app: ada persistent" {
		t.Errorf("the second tab: %d at %s", r.status, at)
	}
	if r := b.get(wiki + "/api"); r.status != http.StatusOK || b.at(wiki, browser.SessionCookie).Value != cookie {
		t.Error("the first tab's session is another")
	}
	// The second sign-in's tokens are nobody's: they are given back.
	storetest.Until(t, "the refresh token is revoked", func() bool {
		revoked := 0
		g.idp.Set(func(p *oidctest.IDP) { revoked = len(p.Revoked) })
		return revoked == 1
	})
}

// A link to sign in, followed by somebody who is signed in, signs in anew; the answer that they gave stays out of it.
func TestSignInAnew(t *testing.T) {
	g := estate(t)
	b := g.walker()
	b.enter(wiki+"/", "yes")
	at, r := b.open(wiki + browser.Base + "/sign-in?return=/x")
	if !stays(strings.TrimPrefix(at, login)) {
		t.Fatalf("%d at %s", r.status, at)
	}
	at, r = b.walk(at, b.do(http.MethodPost, at, url.Values{"csrf": {csrf(r.body)}, "answer": {"no"}}), "")
	if at != wiki+"/x" || r.body != "app: ada browser" {
		t.Errorf("%d at %s %s", r.status, at, r.body)
	}
}

// Who cancels at the prompt is led back to the site.
func TestCancelAtTheSignInHost(t *testing.T) {
	g := estate(t)
	b := g.walker()
	at, r := b.open(wiki + "/one")
	r = b.do(http.MethodPost, at, url.Values{"csrf": {csrf(r.body)}, "answer": {"cancel"}})
	if r.status != http.StatusOK || !strings.Contains(r.body, wiki+browser.Base+"/sign-in?return=%2Fone") || !strings.Contains(r.body, `"`+wiki+`/"`) {
		t.Errorf("%d\n%s", r.status, r.body)
	}
	if g.log.count(signinlog.KeepMeSignedIn) != 1 || g.log.last(t).App != "wiki" {
		t.Errorf("log: %+v", g.log.last(t))
	}
}
