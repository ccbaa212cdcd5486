package signin

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Field trial 2.11: a link of another origin to the sign-in leads to the page where there is a session, and to the prompt
// where one is open. Pages of the site and the user themselves may begin another sign-in.
func TestLinkFromElsewhereKeepsTheSession(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	const to = browser.Base + "/sign-in?return=/page"
	from := func(target, site string) result { return b.do(http.MethodGet, target, nil, "Sec-Fetch-Site", site) }
	elsewhere := []string{"cross-site", "same-site"}
	b.prompted("/page")
	for _, site := range elsewhere {
		for _, target := range []string{to, to + "&other=1", to + "&provider=main"} {
			if r := from(target, site); r.location != browser.Base+"/stay" {
				t.Errorf("%s %s while the prompt is open: %d to %q", site, target, r.status, r.location)
			}
		}
	}
	b.answer(b.get(browser.Base+"/stay"), "yes")
	if !b.alive() {
		t.Fatal("the prompt was abandoned")
	}
	for _, site := range elsewhere {
		for _, target := range []string{to, to + "&other=1", to + "&provider=main", to + "&begun=AAAAAA-AAAAAAAAAAAAAAAAAAAAAA"} {
			if r := from(target, site); r.status != http.StatusSeeOther || r.location != "/page" {
				t.Errorf("%s %s with a session: %d to %q", site, target, r.status, r.location)
			}
		}
	}
	for _, site := range []string{"same-origin", "none", ""} {
		if r := from(to+"&other=1", site); query(t, r.location).Get("prompt") != "login" {
			t.Errorf("%q: %d to %q", site, r.status, r.location)
		}
	}
	b = g.browser()
	if r := from(to+"&other=1", "cross-site"); query(t, r.location).Get("state") == "" || query(t, r.location).Has("prompt") {
		t.Errorf("without a session: %d to %q", r.status, r.location)
	}
}

// Field trial 2.11: a form of another site comes without our cookies. It comes round as a GET, which carries them, and then
// keeps the user who is there.
func TestFormFromElsewhereKeepsTheSession(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	b.signIn("yes")
	form := url.Values{"iss": {g.idp.URL}, "login_hint": {"mallory"}, "target_link_uri": {g.URL + "/page?x=1"}}
	stranger := g.browser() // as a browser sends a cross-site POST: without cookies
	r := stranger.do(http.MethodPost, browser.Base+"/sign-in", form, "Origin", "https://portal.example", "Sec-Fetch-Site", "cross-site")
	if r.status != http.StatusSeeOther || !strings.HasPrefix(r.location, browser.Base+"/sign-in?") || len(r.setCookies()) != 0 {
		t.Fatalf("the form: %d to %q, cookies %v", r.status, r.location, r.setCookies())
	}
	if round := b.do(http.MethodGet, r.location, nil, "Sec-Fetch-Site", "cross-site"); round.location != "/page?x=1" || !b.alive() {
		t.Errorf("comes round: %d to %q", round.status, round.location)
	}
	if asked := stranger.toChosen(g.idp, r.location); asked.Get("login_hint") != "mallory" {
		t.Errorf("without a session: %v", asked)
	}
	form.Set("target_link_uri", "https://evil.example/")
	r = stranger.do(http.MethodPost, browser.Base+"/sign-in", form, "Origin", "https://portal.example", "Sec-Fetch-Site", "cross-site")
	if strings.Contains(r.location, "evil") {
		t.Errorf("a page of another site: %q", r.location)
	}
}

// Field trial 2.11 with a sign-in host: a link to a site where the user has no session yet replaces the one at the sign-in
// host no more than one at the site.
func TestLinkFromElsewhereKeepsTheSessionAtTheSignInHost(t *testing.T) {
	var second *oidctest.IDP
	g := estate(t, func(s *settings) {
		second = oidctest.New(t, s.clock.Now)
		s.extra = []*oidc.Provider{oidc.New(oidc.Config{Name: "partner", Issuer: second.URL, ClientID: oidctest.Client, Now: s.clock.Now})}
		s.sites[hostOf(crm)].Providers = []string{"main", "partner"}
	})
	for _, q := range []url.Values{
		{"return": {"/deals"}, "other": {"1"}},
		{"return": {"/deals"}, "provider": {"partner"}},
		{"iss": {second.URL}, "target_link_uri": {crm + "/deals"}},
	} {
		b := g.walker()
		b.enter(wiki+"/", "yes")
		at := crm + browser.Base + "/sign-in?" + q.Encode()
		if end, r := b.walk(at, b.do(http.MethodGet, at, nil, "Sec-Fetch-Site", "cross-site"), ""); end != crm+"/deals" || r.body != "app: ada persistent" {
			t.Errorf("%v: %d at %s", q, r.status, end)
		}
	}
}

var switchLink = regexp.MustCompile(`href="([^"]*other=1[^"]*)"`)

// The sign-in host's page offers a sign-in as another user at the site. That link is of another origin, and it works in the
// browser that began the sign-in, although it has a session there; in no other one.
func TestSwitchUserFromTheSignInHost(t *testing.T) {
	refuse := false
	g := estate(t, func(s *settings) {
		s.admit = func(v *access.Visit, _ *session.Record) access.Admission {
			if !refuse || v.Site.App != "wiki" {
				return access.Admission{}
			}
			return access.Admission{Refusal: &access.Refusal{Code: signinlog.NotAssigned, Reason: "not_admitted", Title: pages.BlockNotAssigned}}
		}
	})
	b, another := g.walker(), g.walker()
	b.enter(wiki+"/", "yes")
	another.enter(wiki+"/", "yes")
	refuse = true
	// The user begins another sign-in, and is refused at the sign-in host.
	at, _ := b.walk(wiki+"/", b.get(wiki+browser.Base+"/sign-in?return=/&other=1"), g.idp.URL)
	asked := query(t, at)
	back := asked.Get("redirect_uri") + "?" + url.Values{"state": {asked.Get("state")}, "code": {asked.Get("nonce")}}.Encode()
	at, r := b.walk(back, b.get(back), "")
	link := switchLink.FindStringSubmatch(r.body)
	if r.status != http.StatusForbidden || !strings.HasPrefix(at, login) || link == nil {
		t.Fatalf("%d at %s\n%s", r.status, at, r.body)
	}
	to := html.UnescapeString(link[1])
	if r := b.do(http.MethodGet, to, nil, "Sec-Fetch-Site", "same-site"); !strings.HasPrefix(r.location, login+browser.Base+"/sign-in?for=") {
		t.Errorf("in this browser: %d to %q", r.status, r.location)
	}
	if r := another.do(http.MethodGet, to, nil, "Sec-Fetch-Site", "same-site"); r.location != "/" {
		t.Errorf("in another browser: %d to %q", r.status, r.location)
	}
}

// Field trial 2.11: a hand-over that one browser began is opened in another one. It takes neither the session there, nor its
// life, nor the open prompt, whatever the site asked for; in the browser that began it does what was asked.
func TestHandoverOfAnotherBrowser(t *testing.T) {
	var second *oidctest.IDP
	g := estate(t, func(s *settings) {
		second = oidctest.New(t, s.clock.Now)
		s.extra = []*oidc.Provider{oidc.New(oidc.Config{Name: "partner", Issuer: second.URL, ClientID: oidctest.Client, Now: s.clock.Now})}
		s.sites[hostOf(crm)].Providers = []string{"main", "partner"}
	})
	attacker := g.walker()
	link := func(change func(*handover)) string {
		made := attacker.get(crm + browser.Base + "/sign-in?return=/deals").location
		h := g.service.openHandover(query(t, made).Get("for"))
		if h == nil || !h.Requested {
			t.Fatalf("no hand-over in %q", made)
		}
		change(h)
		sealed, err := g.service.sealHandover(h, hostOf(login), handoverPlace)
		if err != nil {
			t.Fatal(err)
		}
		return login + browser.Base + "/sign-in?" + url.Values{"for": {sealed}}.Encode()
	}
	// The attacker's own browser is confirmed, and the answer is good for that one alone.
	attacker.enter(wiki+"/", "no")
	confirmed := attacker.get(attacker.get(link(func(h *handover) { h.Wish.Other, h.Provider = true, "main" })).location).location
	if !strings.HasPrefix(confirmed, login) || g.service.openHandover(query(t, confirmed).Get("for")).Browser == "" {
		t.Fatalf("the browser that began is not confirmed: %q", confirmed)
	}
	if r := attacker.get(confirmed); query(t, r.location).Get("prompt") != "login" {
		t.Errorf("in the browser that began: %d to %q", r.status, r.location)
	}
	for name, at := range map[string]string{
		"another user":                   link(func(h *handover) { h.Wish.Other = true }),
		"another user, confirmed":        confirmed,
		"another provider":               link(func(h *handover) { h.Provider = "partner" }),
		"a session that ends sooner":     link(func(h *handover) { h.Tighten = prompt.ReasonPolicyNever }),
		"another session, as it is said": link(func(h *handover) { h.Wish.Other, h.Have = true, "AAAAAAAAAA" }),
		"nothing more":                   link(func(*handover) {}),
	} {
		for _, site := range []string{"cross-site", "same-site", ""} {
			b := g.walker()
			b.enter(wiki+"/", "yes")
			before := b.at(login, browser.SessionCookie).Value
			if end, r := b.walk(at, b.do(http.MethodGet, at, nil, "Sec-Fetch-Site", site), ""); !strings.HasPrefix(end, crm+"/") || r.body != "app: ada persistent" {
				t.Errorf("%s, %q: %d at %s\n%s", name, site, r.status, end, r.body)
			}
			if b.at(login, browser.SessionCookie).Value != before {
				t.Errorf("%s, %q: another session", name, site)
			}
		}
		b := g.walker()
		stay, p := b.open(wiki + "/")
		end, r := b.walk(at, b.do(http.MethodGet, at, nil, "Sec-Fetch-Site", "cross-site"), "")
		if !stays(strings.TrimPrefix(end, login)) {
			t.Errorf("%s while the prompt is open: %d at %s", name, r.status, end)
		}
		if end, r := b.walk(stay, b.do(http.MethodPost, stay, url.Values{"csrf": {csrf(p.body)}, "answer": {"yes"}, "return": {wiki + "/"}}), ""); end != wiki+"/" || r.body != "app: ada persistent" {
			t.Errorf("%s: the prompt was abandoned: %d at %s", name, r.status, end)
		}
	}
	// A user who asks for another account at a site where they have no session yet.
	b := g.walker()
	b.enter(wiki+"/", "yes")
	if at, r := b.walk(crm+"/", b.get(crm+browser.Base+"/sign-in?return=/deals&other=1&provider=main"), g.idp.URL); query(t, at).Get("prompt") != "login" {
		t.Errorf("asked for: %d at %s", r.status, at)
	}
	if r := b.get(crm + browser.Base + "/sign-in?confirm=" + confirmed[len(confirmed)-64:]); r.status != http.StatusBadRequest {
		t.Errorf("a confirmation that no sign-in host asked for: %d", r.status)
	}
}

func (b *kindBench) confirmKind(name string) sealedKind {
	return sealedKind{
		name: name,
		seal: func(t *testing.T, place int) []byte {
			sealed, err := b.service.sealHandover(&handover{Return: "/"}, b.visits[place].Host, confirmPlace)
			if err != nil {
				t.Fatal(err)
			}
			return b.decoded(t, sealed)
		},
		open: func(_ *testing.T, place int, sealed []byte) bool {
			return b.service.openSealed(asText(sealed), b.visits[place].Host, confirmPlace) != nil
		},
	}
}
