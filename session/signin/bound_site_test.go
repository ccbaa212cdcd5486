package signin

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/bound"
	"github.com/latchkey-gateway/latchkey/session/signin/bound/boundtest"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

const (
	apex   = "https://alpha.test"
	portal = "https://login.alpha.test"
)

// siteEstate is an estate whose hosts under alpha.test share one binding; crm is under another domain.
func siteEstate(t *testing.T) *gateway {
	t.Helper()
	return boundEstate(t, func(s *settings) {
		s.signInHost = portal
		s.binds.Site = hostOf(apex)
		for _, origin := range []string{portal, apex} {
			s.sites[hostOf(origin)] = &access.Site{App: strings.ReplaceAll(hostOf(origin), ".", "-"), Gate: s.sites[hostOf(wiki)].Gate}
		}
		s.siblings = func(host string) []string {
			all := []string{hostOf(admin), hostOf(apex), hostOf(portal), hostOf(wiki)}
			return slices.DeleteFunc(all, func(h string) bool { return h == host || !strings.HasSuffix(host, hostOf(apex)) })
		}
	})
}

// through goes on from a page until the app answers, with an answer to the prompt, and tells each answer.
func (b *boundWalker) through(page, answer string, each func(at string, r result)) {
	b.t.Helper()
	at, r := page, b.get(page)
	for range 20 {
		each(at, r)
		to := next(b.t, at, r)
		switch {
		case to == "" && strings.Contains(at, "/stay") && csrf(r.body) != "":
			r = b.do(http.MethodPost, at, url.Values{"csrf": {csrf(r.body)}, "answer": {answer}})
			continue
		case to == "":
			if at != page || !strings.HasPrefix(r.body, "app: ") {
				b.t.Fatalf("%s leads to %s: %d\n%s", page, at, r.status, r.body)
			}
			return
		case strings.HasPrefix(to, b.idp.URL):
			asked := query(b.t, to)
			to = asked.Get("redirect_uri") + "?" + url.Values{"state": {asked.Get("state")}, "code": {asked.Get("nonce")}}.Encode()
		}
		at, r = to, b.get(to)
	}
	b.t.Fatalf("no end of redirects; the last to %s", at)
}

// V14: Issue 11, `site`: the sign-in host alone offers a binding, for all hosts of the domain. Its short cookie has the domain and
// opens each of them together with their own session cookies, and none elsewhere.
func TestBoundSite(t *testing.T) {
	g := siteEstate(t)
	b := g.boundWalker()
	offers, device, registered := map[string]int{}, boundtest.New(t), result{}
	heed := func(at string, r result) {
		o, ok := boundtest.ReadOffer(t, r.header)
		if !ok {
			return
		}
		origin, _ := browser.CutOrigin(at)
		if offers[origin]++; origin == portal {
			registered = b.do(http.MethodPost, portal+o.Path, nil, "Accept", "*/*", "Origin", portal, "Sec-Fetch-Site", "same-origin", "Secure-Session-Response", device.Registration(o))
			b.heard(portal, registered)
		}
	}
	b.through(wiki+"/page", "yes", heed)
	if len(offers) != 1 || offers[portal] != 1 {
		t.Fatalf("offered by %v, want the sign-in host alone", offers)
	}
	c := registered.setCookies()[browser.SiteBoundCookie]
	if c == nil || c.Domain != hostOf(apex) || !c.Secure || !c.HttpOnly || c.Path != "/" || c.SameSite != http.SameSiteLaxMode || c.MaxAge != int((boundLife-time.Minute)/time.Second) {
		t.Fatalf("short cookie %+v", c)
	}
	var says struct {
		Scope struct {
			Origin        string `json:"origin"`
			IncludeSite   bool   `json:"include_site"`
			Specification []struct{ Type, Domain, Path string }
		}
		Credentials []struct{ Name, Attributes string }
		Initiators  []string `json:"allowed_refresh_initiators"`
	}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(registered.body, "scope_specification", "specification")), &says); err != nil {
		t.Fatal(err)
	}
	if says.Scope.Origin != apex || !says.Scope.IncludeSite || len(says.Initiators) > 0 || len(says.Credentials) != 1 || says.Credentials[0].Name != browser.SiteBoundCookie ||
		says.Credentials[0].Attributes != "Domain="+hostOf(apex)+"; Path=/; HttpOnly; Secure; SameSite=Lax" {
		t.Errorf("instructions: %s", registered.body)
	}
	var rules []string
	for _, r := range says.Scope.Specification {
		rules = append(rules, r.Type+" "+r.Domain+r.Path)
	}
	want := []string{"exclude */", "include login.alpha.test/", "include admin.alpha.test/", "include alpha.test/", "include wiki.alpha.test/", "exclude */.latchkey/assets"}
	if !slices.Equal(rules, want) {
		t.Errorf("rules %v, want %v", rules, want)
	}
	b.through(admin+"/", "", heed)
	if len(offers) != 1 || offers[portal] != 1 {
		t.Errorf("offered by %v", offers)
	}
	who := b.record(wiki)
	if key := who.Binding.At("*." + hostOf(apex)); key == nil || len(who.Binding.More) > 0 || !who.Binding.Bound() {
		t.Fatalf("%+v", who.Binding)
	}
	asked := g.idp.Count("/token")
	g.clock.Advance(boundLife)
	for _, origin := range []string{wiki, admin} {
		if r := b.do(http.MethodGet, origin+"/data", nil, "Accept", "*/*"); r.status != http.StatusUnauthorized || !strings.Contains(r.body, "binding_missing") {
			t.Errorf("%s without proof: %d %s", origin, r.status, r.body)
		}
	}
	// Chromium names the domain as the origin of a refresh.
	refresh := func(site, origin string) result {
		r := b.do(http.MethodPost, portal+bound.RefreshPath, nil, "Accept", "*/*", "Origin", origin, "Sec-Fetch-Site", site,
			"Sec-Secure-Session-Id", b.told[portal][0], "Secure-Session-Response", device.Proof(b.told[portal][1]))
		b.heard(portal, r)
		return r
	}
	for _, from := range [][2]string{{"same-site", admin}, {"cross-site", apex}, {"same-site", "https://alpha.test:8443"}} {
		if r := refresh(from[0], from[1]); r.setCookies()[browser.SiteBoundCookie] != nil {
			t.Errorf("A23: refreshed for %v", from)
		}
	}
	g.clock.Advance(time.Minute) // what was refused three times in a row is refused with 503
	if r := refresh("same-site", apex); r.status == http.StatusForbidden {
		refresh("same-site", apex)
	}
	for _, origin := range []string{wiki, admin} {
		if got := b.script(origin); got != http.StatusOK {
			t.Errorf("%s after the refresh: %d", origin, got)
		}
	}
	if n := g.idp.Count("/token"); n != asked {
		t.Errorf("the provider was asked %d times", n-asked)
	}
	// A host of another domain has a key of its own.
	b.through(crm+"/", "", heed)
	if offers[crm] != 1 || offers[portal] != 1 {
		t.Errorf("offered by %v", offers)
	}
	// Signing out deletes the cookie of the domain too.
	page := b.get(wiki + browser.Base + "/sign-out")
	r := b.do(http.MethodPost, wiki+browser.Base+"/sign-out", url.Values{"csrf": {csrf(page.body)}})
	if c := r.setCookies()[browser.SiteBoundCookie]; c == nil || c.MaxAge >= 0 || c.Domain != hostOf(apex) {
		t.Errorf("the short cookie stays: %+v", c)
	}
}

// A link from elsewhere to a host of the site gets the page that makes the browser refresh, also if the host's own session
// cookie is from before the session was bound.
func TestNakedAtHostOfSite(t *testing.T) {
	g := siteEstate(t)
	b := g.boundWalker()
	b.through(wiki+"/page", "yes", func(at string, r result) {
		if o, ok := boundtest.ReadOffer(t, r.header); ok {
			b.heard(portal, b.do(http.MethodPost, portal+o.Path, nil, "Accept", "*/*", "Secure-Session-Response", boundtest.New(t).Registration(o)))
		}
	})
	if !b.record(wiki).Binding.Bound() {
		t.Fatal("the site did not take the short cookie for a sign that the browser is bound")
	}
	g.clock.Advance(boundLife)
	r := b.do(http.MethodGet, wiki+"/page", nil, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "cross-site")
	if r.status != http.StatusOK || !strings.Contains(r.header.Get("Refresh"), retryPath) {
		t.Errorf("%d %v", r.status, r.header)
	}
}

// V14: A site of the domain offers nothing, also if the sign-in host has no key yet: it could not refresh one.
func TestOneHostBindsForASite(t *testing.T) {
	b := siteEstate(t).boundWalker()
	offers := map[string]bool{}
	b.through(wiki+"/", "yes", func(at string, r result) {
		if _, ok := boundtest.ReadOffer(t, r.header); ok {
			origin, _ := browser.CutOrigin(at)
			offers[origin] = true
		}
	})
	if len(offers) != 1 || !offers[portal] {
		t.Errorf("offered by %v", offers)
	}
}

// V14: The domain of a site says which host may bind sessions for it, to anyone. Other hosts and sites do not answer for it.
func TestWellKnown(t *testing.T) {
	g := siteEstate(t)
	ask := func(v *access.Visit, method, path string) (*http.Response, bool) {
		w := httptest.NewRecorder()
		r, err := http.NewRequest(method, "https://"+v.Host+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		did := g.service.AnswersBrowser(w, r, v)
		return w.Result(), did
	}
	at := &access.Visit{Host: hostOf(apex), Secure: true}
	got, did := ask(at, http.MethodGet, "/.well-known/device-bound-sessions")
	var says map[string][]string
	if err := json.NewDecoder(got.Body).Decode(&says); !did || err != nil || got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != "application/json" ||
		len(says) != 1 || !slices.Equal(says["registering_origins"], []string{portal}) {
		t.Errorf("%v %d %v, %v", did, got.StatusCode, says, err)
	}
	for name, tt := range map[string]struct {
		visit        access.Visit
		method, path string
	}{
		"another host": {access.Visit{Host: hostOf(wiki), Secure: true}, "GET", "/.well-known/device-bound-sessions"},
		"plain http":   {access.Visit{Host: hostOf(apex)}, "GET", "/.well-known/device-bound-sessions"},
		"POST":         {*at, "POST", "/.well-known/device-bound-sessions"},
		"another path": {*at, "GET", "/.well-known/device-bound-sessions/x"},
	} {
		if _, did := ask(&tt.visit, tt.method, tt.path); did {
			t.Errorf("%s is answered", name)
		}
	}
	g.service.Binds.Site = ""
	if _, did := ask(at, http.MethodGet, "/.well-known/device-bound-sessions"); did {
		t.Error("answered although no site is configured")
	}
}

// V17: Pages of hosts with the same sign-in under the same domain may cause a refresh of each other's sessions, and no others.
func TestRefreshInitiators(t *testing.T) {
	g := boundEstate(t, func(s *settings) {
		s.siblings = func(host string) []string {
			if host == hostOf(wiki) {
				return []string{hostOf(admin)}
			}
			return nil
		}
	})
	b := g.boundWalker()
	for origin, want := range map[string]string{wiki: `"allowed_refresh_initiators":["admin.alpha.test"]`, login: ""} {
		b.enters(wiki+"/", "yes")
		told := b.told[origin]
		r := b.do(http.MethodPost, origin+bound.RefreshPath, nil, "Accept", "*/*", "Sec-Secure-Session-Id", told[0], "Secure-Session-Response", b.devices[origin].Proof(told[1]))
		b.heard(origin, r)
		if r.status != http.StatusOK || want != "" && !strings.Contains(r.body, want) || want == "" && strings.Contains(r.body, "allowed_refresh_initiators") || strings.Contains(r.body, `"include_site":true`) {
			t.Errorf("%s: %d %s", origin, r.status, r.body)
		}
	}
}
