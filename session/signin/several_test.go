package signin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// twoProviders is a gateway whose site takes two: main, and partners, which may be hostile.
func twoProviders(t *testing.T) (g *gateway, partners *oidctest.IDP) {
	t.Helper()
	g = newGateway(t, func(s *settings) {
		s.idp = oidctest.New(t, s.clock.Now)
		partners = oidctest.New(t, s.clock.Now)
		s.extra = []*oidc.Provider{oidc.New(oidc.Config{
			Name: "partners", Title: "Our partners", Issuer: partners.URL, ClientID: oidctest.Client, Now: s.clock.Now,
		})}
	})
	g.site.Providers = []string{"main", "partners"}
	return g, partners
}

// toChosen follows a link to a provider and returns what it is asked for.
func (b *testBrowser) toChosen(p *oidctest.IDP, target string) url.Values {
	b.t.Helper()
	r := b.get(target)
	if r.status != http.StatusSeeOther || !strings.HasPrefix(r.location, p.URL+"/authorize?") {
		b.t.Fatalf("%s: %d to %q\n%s", target, r.status, r.location, r.body)
	}
	return query(b.t, r.location)
}

func (b *testBrowser) answerAt(path string, asked url.Values, more ...string) result {
	b.t.Helper()
	q := url.Values{"state": {asked.Get("state")}, "code": {asked.Get("nonce")}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return b.get(browser.Base + path + "?" + q.Encode())
}

// RFC 9700, sections 2.1 and 4.4: each provider has a redirect URI of its own, and what arrives at another's is nobody's:
// a hostile provider that sends the browser on to an honest one gets nothing that the honest one gave, though neither
// says who it is (RFC 9207).
func TestMixUp(t *testing.T) {
	g, partners := twoProviders(t)
	b := g.browser()
	chosen := b.toChosen(partners, browser.Base+"/sign-in?provider=partners&return=/page")
	if got := chosen.Get("redirect_uri"); got != g.URL+browser.Base+"/callback/partners" {
		t.Errorf("redirect_uri of the second provider: %s", got)
	}
	// The honest provider answers where it knows us.
	r := b.answerAt("/callback", chosen)
	if r.status != http.StatusBadRequest || partners.Count("/token")+g.idp.Count("/token") != 0 {
		t.Errorf("mixed up: %d, %d and %d token requests", r.status, partners.Count("/token"), g.idp.Count("/token"))
	}
	// The other way round, and with RFC 9207 on top.
	honest := b.toChosen(g.idp, browser.Base+"/sign-in?provider=main&return=/page")
	if got := honest.Get("redirect_uri"); got != g.URL+browser.Base+"/callback" {
		t.Errorf("redirect_uri of the first provider: %s", got)
	}
	for what, r := range map[string]result{
		"at the other's address":    b.answerAt("/callback/partners", honest),
		"at nobody's address":       b.answerAt("/callback/nobody", honest),
		"under a longer address":    b.answerAt("/callback/partners/x", chosen),
		"iss of the other provider": b.answerAt("/callback", b.toChosen(g.idp, browser.Base+"/sign-in?provider=main"), "iss", partners.URL),
	} {
		if r.status != http.StatusBadRequest && r.status != http.StatusNotFound && r.status != http.StatusBadGateway {
			t.Errorf("%s: %d to %q", what, r.status, r.location)
		}
	}
	if n := partners.Count("/token") + g.idp.Count("/token"); n != 0 {
		t.Fatalf("%d codes were sent to somebody", n)
	}
	// Nothing of it has spent the real sign-ins.
	if r := b.answerAt("/callback/partners", chosen); !stays(r.location) {
		t.Errorf("the real answer: %d to %q", r.status, r.location)
	}
	if got := partners.LastToken.Get("redirect_uri"); got != g.URL+browser.Base+"/callback/partners" {
		t.Errorf("redirect_uri at the token endpoint: %s", got)
	}
}

// A form_post answer goes round at the same address, and is good at no other.
func TestMixUpFormPost(t *testing.T) {
	g, partners := twoProviders(t)
	b := g.browser()
	chosen := b.toChosen(partners, browser.Base+"/sign-in?provider=partners&return=/page")
	form := url.Values{"state": {chosen.Get("state")}, "code": {chosen.Get("nonce")}}
	r := b.do(http.MethodPost, browser.Base+"/callback/partners", form)
	if r.status != http.StatusSeeOther || !strings.HasPrefix(r.location, browser.Base+"/callback/partners?resume=") {
		t.Fatalf("%d to %q", r.status, r.location)
	}
	if elsewhere := b.get(strings.Replace(r.location, "/callback/partners", "/callback", 1)); elsewhere.status != http.StatusBadRequest {
		t.Errorf("resumed elsewhere: %d", elsewhere.status)
	}
	// An answer that was posted at another provider's address is not good at this one either.
	lured := b.do(http.MethodPost, browser.Base+"/callback", form).location
	if moved := b.get(strings.Replace(lured, "/callback", "/callback/partners", 1)); moved.status != http.StatusBadRequest {
		t.Errorf("posted elsewhere: %d to %q", moved.status, moved.location)
	}
	if r := b.get(r.location); !stays(r.location) {
		t.Errorf("resumed: %d to %q", r.status, r.location)
	}
}

// The choice is the person's: what they chose last stands first and is marked, and nothing is chosen for them.
func TestLastProvider(t *testing.T) {
	g, partners := twoProviders(t)
	b := g.browser()
	first := b.get("/page")
	if first.status != http.StatusOK || strings.Contains(first.body, "Used last") || strings.Index(first.body, "main") > strings.Index(first.body, "Our partners") {
		t.Fatalf("the first choice: %d\n%s", first.status, first.body)
	}
	page := b.get(b.answerAt("/callback/partners", b.toChosen(partners, browser.Base+"/sign-in?provider=partners&return=/page")).location)
	r := b.answer(page, "no")
	kept := r.setCookies()[browser.ProviderCookie]
	if kept == nil || !kept.HttpOnly || kept.MaxAge <= 0 || strings.Contains(kept.Value, "partners") {
		t.Fatalf("the cookie: %v", kept)
	}
	b.signOut()
	again := b.get("/page")
	last, other := strings.Index(again.body, "Our partners"), strings.Index(again.body, ">main<")
	if again.status != http.StatusOK || last < 0 || last > other || strings.Count(again.body, "Used last in this browser") != 1 {
		t.Errorf("the next choice: %d, partners at %d, main at %d\n%s", again.status, last, other, again.body)
	}
	forged := g.browser().do(http.MethodGet, "/page", nil, "Cookie", browser.ProviderCookie+"=partners")
	if forged.status != http.StatusOK || strings.Contains(forged.body, "Used last") {
		t.Errorf("a cookie that is not ours: %d", forged.status)
	}
	g.site.Providers = []string{"main"}
	if r := b.get("/page"); r.status != http.StatusSeeOther {
		t.Errorf("where the site has one provider: %d", r.status)
	}
}

// OpenID Connect Core, section 4: somebody else begins a sign-in, by link or form. They name one of the site's providers
// and a page of this site; whatever else they send is passed over (A02, A33, A44).
func TestInitiatedElsewhere(t *testing.T) {
	g, partners := twoProviders(t)
	start := func(values url.Values) string { return browser.Base + "/sign-in?" + values.Encode() }
	asked := g.browser().toChosen(partners, start(url.Values{
		"iss": {partners.URL}, "login_hint": {"ada@example.com"}, "target_link_uri": {g.URL + "/page?x=1"}, "scope": {"admin"},
		"prompt": {"none"}, "redirect_uri": {"https://evil.example"}, "provider": {"main"}, "return": {"/other"}, "state": {"x"},
	}))
	if asked.Get("login_hint") != "ada@example.com" || asked.Get("prompt") != "" || asked.Get("scope") != "openid profile email offline_access" ||
		asked.Get("redirect_uri") != g.URL+browser.Base+"/callback/partners" || len(asked.Get("state")) < 22 {
		t.Errorf("asked %v", asked)
	}
	for what, row := range map[string]struct{ target, want string }{
		"a page":          {g.URL + "/page?x=1", "/page?x=1"},
		"none":            {"", "/"},
		"another host":    {"https://evil.example/page", "/"},
		"a longer host":   {g.URL + ".evil.example/page", "/"},
		"a path alone":    {"/page", "/"},
		"scheme-relative": {"//evil.example", "/"},
		"one of ours":     {g.URL + browser.Base + "/sign-out", "/"},
	} {
		b := g.browser()
		asked := b.toChosen(g.idp, start(url.Values{"iss": {g.idp.URL}, "target_link_uri": {row.target}}))
		b.answer(b.get(b.callback(asked).location), "no")
		// Who is signed in goes to the page as who they are, whatever the hint says: no login CSRF.
		r := b.get(start(url.Values{"iss": {g.idp.URL}, "target_link_uri": {row.target}, "login_hint": {"mallory"}}))
		if r.status != http.StatusSeeOther || r.location != row.want {
			t.Errorf("%s: %d to %q, want %q", what, r.status, r.location, row.want)
		}
	}
	for what, r := range map[string]result{
		"an unknown issuer":   g.browser().get(start(url.Values{"iss": {"https://evil.example"}})),
		"an issuer and more":  g.browser().get(start(url.Values{"iss": {g.idp.URL + "/"}})),
		"two issuers":         g.browser().get(start(url.Values{"iss": {g.idp.URL, partners.URL}})),
		"two hints":           g.browser().get(start(url.Values{"iss": {g.idp.URL}, "login_hint": {"a", "b"}})),
		"a form with no iss":  g.browser().do(http.MethodPost, browser.Base+"/sign-in", url.Values{"login_hint": {"a"}}),
		"a form of JSON":      g.browser().do(http.MethodPost, browser.Base+"/sign-in", url.Values{"iss": {g.idp.URL}}, "Content-Type", "application/json"),
		"a form that is huge": g.browser().do(http.MethodPost, browser.Base+"/sign-in", url.Values{"iss": {g.idp.URL}, "x": {strings.Repeat("x", browser.MaxForm)}}),
	} {
		if r.status != http.StatusBadRequest {
			t.Errorf("%s: %d to %q", what, r.status, r.location)
		}
	}
	g.site.Providers = []string{"main"}
	if r := g.browser().get(start(url.Values{"iss": {partners.URL}})); r.status != http.StatusBadRequest {
		t.Errorf("a provider of another site: %d", r.status)
	}
	r := g.browser().do(http.MethodPost, browser.Base+"/sign-in", url.Values{"iss": {g.idp.URL}, "login_hint": {"ada"}},
		"Origin", "https://portal.example", "Sec-Fetch-Site", "cross-site")
	if q := query(t, r.location); r.status != http.StatusSeeOther || q.Get("login_hint") != "ada" {
		t.Errorf("a form of another site: %d to %q", r.status, r.location)
	}
	for what, hint := range map[string]string{"control": "a\nb", "not UTF-8": "\xff", "oversized": strings.Repeat("x", maxLoginHint+1)} {
		if asked := g.browser().toChosen(g.idp, start(url.Values{"iss": {g.idp.URL}, "login_hint": {hint}})); asked.Has("login_hint") {
			t.Errorf("a hint that is %s was passed on", what)
		}
	}
}

// A link from elsewhere neither ends a prompt that is open nor replaces the session of another provider by itself.
func TestInitiatedElsewhereEndsNothing(t *testing.T) {
	g, partners := twoProviders(t)
	b := g.browser()
	prompt := b.get(b.callback(b.toChosen(g.idp, browser.Base+"/sign-in?provider=main&return=/page")).location)
	if r := b.get(browser.Base + "/sign-in?" + url.Values{"iss": {partners.URL}}.Encode()); r.location != browser.Base+"/stay" {
		t.Errorf("while the prompt is open: %d to %q", r.status, r.location)
	}
	if r := b.answer(prompt, "yes"); r.setCookies()[browser.SessionCookie] == nil {
		t.Fatalf("the prompt was gone: %d", r.status)
	}
	if r := b.get(browser.Base + "/sign-in?" + url.Values{"iss": {partners.URL}}.Encode()); r.location != "/" {
		t.Errorf("with a session of another provider: %d to %q", r.status, r.location)
	}
	if !b.alive() {
		t.Error("a link ended the session")
	}
	who := session.Identity{Issuer: g.idp.URL, Subject: "s-1"}
	if own, err := g.service.Sessions.Own(t.Context(), who, 10); err != nil || len(own.Sessions) != 1 {
		t.Errorf("%d sessions, %v", len(own.Sessions), err)
	}
}
