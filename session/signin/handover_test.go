package signin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// One sign-in and one answer are good for all sites, whatever domains they are under: the others are entered without a
// page. Each host has a cookie of its own, of the kind that the answer gave (K2, K5), over one and the same session.
func TestOneSignInForAll(t *testing.T) {
	for answer, kind := range map[string]string{"yes": "persistent", "no": "browser"} {
		t.Run(answer, func(t *testing.T) {
			g := estate(t)
			b := g.walker()
			given := map[string]*http.Cookie{}
			b.client.Jar = &spy{b.client.Jar, given}
			b.enter(wiki+"/page?a=b", answer)
			for _, page := range []string{crm + "/deals", admin + "/", login + "/"} {
				if r := b.in(page); r.body != "app: ada "+kind {
					t.Errorf("%s: %q", page, r.body)
				}
			}
			if n := g.idp.Count("/token"); n != 1 {
				t.Errorf("%d sign-ins at the provider", n)
			}
			values := map[string]bool{}
			for _, origin := range []string{wiki, crm, admin, login} {
				c := given[hostOf(origin)]
				if c == nil || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
					t.Fatalf("%s: cookie %+v", origin, c)
				}
				if (c.MaxAge > 0) != (kind == "persistent") {
					t.Errorf("%s: a cookie for %d seconds", origin, c.MaxAge)
				}
				values[c.Value] = true
			}
			if len(values) != 4 {
				t.Error("two hosts have the same cookie")
			}
			ids := map[string]bool{}
			for _, rec := range g.log.all {
				ids[rec.SessionID] = true
			}
			if len(ids) != 1 {
				t.Errorf("the log tells of sessions %v, want one", ids)
			}
		})
	}
}

// spy keeps the session cookies that hosts gave.
type spy struct {
	http.CookieJar
	given map[string]*http.Cookie
}

func (s *spy) SetCookies(u *url.URL, cookies []*http.Cookie) {
	for _, c := range cookies {
		if c.Name == browser.HostPrefix+browser.SessionCookie && c.MaxAge >= 0 {
			s.given[u.Host] = c
		}
	}
	s.CookieJar.SetCookies(u, cookies)
}

// L2, L6: the entry of the sign-in has one correlation id with everything on its way; going on to another site is a
// sign-in of its own, in which nobody was asked anything.
func TestHandoverInTheLog(t *testing.T) {
	g := estate(t)
	b := g.walker()
	b.enter(wiki+"/", "yes")
	b.in(crm + "/")
	b.in(crm + "/again")
	if len(g.log.all) != 2 {
		t.Fatalf("%d entries: %+v", len(g.log.all), g.log.all)
	}
	first, second := g.log.all[0], g.log.all[1]
	if first.App != "wiki" || !first.Interactive || first.PromptReason != prompt.ReasonAnsweredYes {
		t.Errorf("first entry: %+v", first)
	}
	if second.App != "crm" || second.Interactive || second.Code != signinlog.Success || second.UserName != "ada" ||
		second.PromptReason != prompt.ReasonLiveSession || second.IP != "203.0.113.9" {
		t.Errorf("second entry: %+v", second)
	}
	if first.CorrelationID == "" || second.CorrelationID == "" || first.CorrelationID == second.CorrelationID {
		t.Errorf("correlation ids %q and %q", first.CorrelationID, second.CorrelationID)
	}
	b = g.walker()
	b.demandMFA(admin)
	b.enter(admin+"/", "yes")
	ids := map[string]bool{}
	for _, rec := range g.log.all[2:] {
		ids[rec.CorrelationID] = true
	}
	if len(ids) != 1 {
		t.Errorf("a sign-in with a demand has the correlation ids %v", ids)
	}
}

// demandMFA makes a site ask for a second factor, which the provider has shown from now on.
func (b *testBrowser) demandMFA(origin string) {
	b.service.Providers[0].Claims.MFAMethods = []string{"mfa"}
	b.demand, b.demandAt = &oidc.Demand{MFA: true}, hostOf(origin)
	b.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"amr": []string{"mfa"}} })
}

// X21, X23, A13: a step-up at one site is done at the sign-in host. It makes a new id and keeps the answer; the others
// find their session gone and come by the new one without a page.
func TestStepUpForAll(t *testing.T) {
	g := estate(t)
	b := g.walker()
	b.enter(wiki+"/", "yes")
	b.in(crm + "/")
	before := b.at(crm, browser.SessionCookie).Value
	b.demandMFA(admin)
	asked := g.idp.Count("/token")
	if at, r := b.open(admin + "/danger"); at != admin+"/danger" || r.body != "app: ada persistent" {
		t.Fatalf("%d at %s\n%s", r.status, at, r.body)
	}
	if g.idp.Count("/token") != asked+1 {
		t.Error("the provider was not asked once more")
	}
	thief := g.walker()
	if r := thief.do(http.MethodGet, crm+"/", nil, "Cookie", browser.HostPrefix+browser.SessionCookie+"="+before); r.status != http.StatusSeeOther {
		t.Errorf("the id before the step-up is good still: %d", r.status)
	}
	for _, page := range []string{crm + "/", wiki + "/", login + "/"} {
		b.in(page)
	}
	// A script is told; it is not sent anywhere.
	b.demandMFA(wiki)
	g.demand.ACRs = []string{"urn:gold"}
	if r := b.do(http.MethodGet, wiki+"/api", nil, "Accept", "application/json"); r.status != http.StatusUnauthorized || r.location != "" {
		t.Errorf("a script: %d to %q", r.status, r.location)
	}
}

// A demand that the session meets already, because it was met at another site, takes no way to the provider.
func TestDemandMetElsewhere(t *testing.T) {
	g := estate(t)
	b := g.walker()
	b.demandMFA(admin)
	b.enter(admin+"/", "yes")
	g.demandAt = hostOf(crm)
	b.in(crm + "/")
}

// K4, A22: sign-out at one site is sign-out at all, and the provider is told to send people to the one address it knows.
func TestSignOutForAll(t *testing.T) {
	g := estate(t)
	b := g.walker()
	b.enter(wiki+"/", "yes")
	b.in(crm + "/")
	copied := b.at(wiki, browser.SessionCookie).Value
	r := b.get(crm + browser.Base + "/sign-out")
	r = b.do(http.MethodPost, crm+browser.Base+"/sign-out", url.Values{"csrf": {csrf(r.body)}})
	to := next(t, crm, r)
	if !strings.HasPrefix(to, g.idp.URL+"/end?") || query(t, to).Get("post_logout_redirect_uri") != login+browser.Base+"/signed-out" {
		t.Errorf("sign-out leads to %q", to)
	}
	back := login + browser.Base + "/signed-out?" + url.Values{"state": {query(t, to).Get("state")}}.Encode()
	if r := b.get(back); r.status != http.StatusOK || !strings.Contains(r.body, `"`+crm+browser.Base+"/sign-in?return=%2F") {
		t.Errorf("back from the provider: %d, no way to the site that was left\n%s", r.status, r.body)
	}
	for _, origin := range []string{wiki, crm, admin, login} {
		if at, r := b.walk(origin+"/", b.get(origin+"/"), g.idp.URL); !strings.HasPrefix(at, g.idp.URL) {
			t.Errorf("%s: %d at %s, want the provider", origin, r.status, at)
		}
	}
	if r := g.walker().do(http.MethodGet, wiki+"/", nil, "Cookie", browser.HostPrefix+browser.SessionCookie+"="+copied); r.status != http.StatusSeeOther {
		t.Errorf("a copied cookie works on: %d", r.status)
	}
}

// Use at one site is use of the session: nobody is idle at the others meanwhile.
func TestUseAtOneSiteCountsForAll(t *testing.T) {
	g := estate(t)
	b := g.walker()
	b.enter(wiki+"/", "no")
	b.in(crm + "/")
	for range 4 {
		g.clock.Advance(20 * time.Hour) // of 24
		used := g.clock.Now()
		b.in(crm + "/")
		token, err := session.OpenToken(g.service.Keys, b.at(crm, browser.SessionCookie).Value, hostOf(crm), browser.SessionCookie)
		if err != nil {
			t.Fatal(err)
		}
		storetest.Until(t, "the use is written", func() bool {
			b.get(crm + "/") // one use may find another being written
			s, err := g.service.Sessions.Reload(t.Context(), token)
			return err == nil && !s.LastUsed().Before(used.Truncate(time.Millisecond))
		})
	}
	b.in(wiki + "/")
}

// What a site says of who may enter holds there: somebody whom it refuses gets its page and no cookie, and stays signed in
// elsewhere.
func TestRefusedAtOneSite(t *testing.T) {
	g := estate(t, func(s *settings) {
		s.admit = func(v *access.Visit, _ *session.Record) access.Admission {
			if v.Site.App != "admin" {
				return access.Admission{}
			}
			return access.Admission{Refusal: &access.Refusal{Code: signinlog.NotAssigned, Reason: "not_admitted", Title: pages.BlockNotAssigned}}
		}
	})
	b := g.walker()
	b.enter(wiki+"/", "yes")
	at, r := b.open(admin + "/")
	if r.status != http.StatusForbidden || !strings.HasPrefix(at, login) || b.at(admin, browser.SessionCookie) != nil {
		t.Errorf("%d at %s, cookie %v", r.status, at, b.at(admin, browser.SessionCookie))
	}
	if rec := g.log.last(t); rec.Code != signinlog.NotAssigned || rec.App != "admin" || rec.Interactive {
		t.Errorf("log: %+v", rec)
	}
	if !strings.Contains(r.body, admin+browser.Base+"/sign-in") {
		t.Error("no way to try again")
	}
	b.in(wiki + "/")
}

// A74, X16: a site that offers nobody to stay signed in makes the session one that ends with the browser, at all sites,
// with cookies that say so; scripts wait for the next page.
func TestSiteThatKeepsNobody(t *testing.T) {
	g := estate(t, func(s *settings) { s.sites[hostOf(admin)].PromptOff = true })
	b := g.walker()
	given := map[string]*http.Cookie{}
	b.client.Jar = &spy{b.client.Jar, given}
	b.enter(wiki+"/", "yes")
	b.in(crm + "/")
	if given[hostOf(crm)].MaxAge <= 0 {
		t.Fatal("crm: not persistent")
	}
	if r := b.in(admin + "/"); r.body != "app: ada browser" {
		t.Errorf("admin: %q", r.body)
	}
	if r := b.do(http.MethodGet, crm+"/api", nil, "Accept", "application/json"); r.status != http.StatusUnauthorized || r.location != "" {
		t.Errorf("a script with a cookie that outlives the browser: %d", r.status)
	}
	for _, origin := range []string{crm, wiki, admin, login} {
		b.in(origin + "/")
		if given[hostOf(origin)].MaxAge != 0 {
			t.Errorf("%s: a cookie for %d seconds", origin, given[hostOf(origin)].MaxAge)
		}
	}
	// Turned off for all, or forbidden by a policy, while somebody has a persistent session: the same.
	delete(given, hostOf(crm))
	b = g.walker()
	b.client.Jar = &spy{b.client.Jar, given}
	b.enter(wiki+"/", "yes")
	b.in(crm + "/")
	g.service.Prompt.Off = true
	if r := b.do(http.MethodGet, crm+"/api", nil, "Accept", "application/json"); r.status != http.StatusUnauthorized {
		t.Errorf("off for all, a script: %d", r.status)
	}
	if r := b.in(crm + "/"); r.body != "app: ada browser" || given[hostOf(crm)].MaxAge != 0 {
		t.Errorf("off for all: %q, a cookie for %d seconds", r.body, given[hostOf(crm)].MaxAge)
	}
	b.in(wiki + "/")
}

// Who signs in first at a site that offers nobody to stay signed in is not asked there, nor at the next.
func TestFirstAtASiteThatKeepsNobody(t *testing.T) {
	g := estate(t, func(s *settings) { s.sites[hostOf(admin)].PromptOff = true })
	b := g.walker()
	if at, r := b.open(admin + "/"); at != admin+"/" || r.body != "app: ada browser" {
		t.Fatalf("%d at %s", r.status, at)
	}
	b.in(wiki + "/")
}

// Sites that take different providers have different sessions; signing in at one ends nobody's at the other.
func TestSitesOfTwoProviders(t *testing.T) {
	var second *oidctest.IDP
	g := estate(t, func(s *settings) {
		second = oidctest.New(t, s.clock.Now)
		s.extra = []*oidc.Provider{oidc.New(oidc.Config{Name: "partner", Issuer: second.URL, ClientID: oidctest.Client, Now: s.clock.Now})}
		s.sites[hostOf(crm)].Providers = []string{"partner"}
		s.sites[hostOf(admin)].Providers = []string{"main", "partner"}
	})
	b := g.walker()
	b.enter(wiki+"/", "yes")
	at, _ := b.walk(crm+"/", b.get(crm+"/"), second.URL)
	if !strings.HasPrefix(at, second.URL) {
		t.Fatalf("crm leads to %s", at)
	}
	asked := query(t, at)
	back := asked.Get("redirect_uri") + "?" + url.Values{"state": {asked.Get("state")}, "code": {asked.Get("nonce")}}.Encode()
	at, r := b.walk(back, b.get(back), "")
	at, r = b.walk(at, b.do(http.MethodPost, at, url.Values{"csrf": {csrf(r.body)}, "answer": {"no"}}), "")
	if at != crm+"/" || r.body != "app: ada browser" {
		t.Fatalf("crm: %d at %s %s", r.status, at, r.body)
	}
	for _, page := range []string{wiki + "/", crm + "/", admin + "/"} {
		b.in(page)
	}
	// Nobody is signed in: where there is a choice it is made at the sign-in host.
	b = g.walker()
	at, r = b.open(admin + "/")
	if !strings.HasPrefix(at, login+browser.Base+"/sign-in?") || !strings.Contains(r.body, "provider=partner") {
		t.Errorf("the choice: %d at %s", r.status, at)
	}
}
