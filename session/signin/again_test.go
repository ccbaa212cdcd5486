package signin

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Field trial 3.5: a sign-in as another person that the provider wants consent for stays one, with its demand.
func TestConsentRetryKeepsAll(t *testing.T) {
	g := mfaGateway(t)
	b := g.browser()
	b.signIn("no")
	g.demand, g.policies = &oidc.Demand{ACRs: []string{"gold"}}, []string{"vault"}
	r := b.get(b.toStepOther(t))
	asked := query(t, r.location)
	r = b.get(browser.Base + "/callback?" + url.Values{"state": {asked.Get("state")}, "error": {"consent_required"}}.Encode())
	again := query(t, r.location)
	if again.Get("prompt") != "login consent" || again.Get("acr_values") != "gold" || again.Get("login_hint") != asked.Get("login_hint") {
		t.Errorf("asked %v, then %v", asked, again)
	}
}

// toStepOther is a link to a sign-in as another person with the demand of the page.
func (b *testBrowser) toStepOther(t *testing.T) string {
	t.Helper()
	sealed := b.service.sealStep(&access.Visit{Host: "127.0.0.1"}, step{Demand: b.asking(), Requested: true})
	return browser.Base + "/sign-in?" + url.Values{"return": {"/"}, "other": {"1"}, "provider": {"main"}, "step": {sealed}}.Encode()
}

// Field trial 1.1: the policies decide about what came back, not what was asked for: who meets them by another way is in at
// once, and nothing is left in the log but the success.
func TestStepUpByAnotherWay(t *testing.T) {
	g := mfaGateway(t)
	either := func(_ *access.Visit, who *session.Record, asked access.Asked) access.Admission {
		if !slices.Contains(asked.Policies, "any") || who.ACR == "gold" || who.Compliant == "true" {
			return access.Admission{}
		}
		return access.Admission{
			Demand:  &oidc.Demand{ACRs: []string{"silver", "gold"}, Policies: []string{"any"}},
			Refusal: &access.Refusal{Code: signinlog.MFARequired, Reason: "acr_required", Policies: []string{"any"}},
		}
	}
	g.site.Gate = gateAsked(either)
	for _, signedIn := range []bool{false, true} {
		b := g.browser()
		g.demand = nil
		if signedIn {
			b.signIn("no")
		}
		g.demand, g.policies = &oidc.Demand{ACRs: []string{"silver", "gold"}}, []string{"any"}
		asked := b.toProvider("/")
		g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"acr": "gold"} })
		r := b.callback(asked)
		if want := map[bool]string{false: stayURL("/"), true: "/"}[signedIn]; r.location != want {
			t.Errorf("signed in %v: %d to %q, want %q\n%s", signedIn, r.status, r.location, want, r.body)
		}
		g.idp.Set(func(p *oidctest.IDP) { p.Claims = nil })
	}
}

// Field trial 1.1: what the policies say when the answer comes counts, not what they said when the sign-in began: a rule
// that is gone asks nothing, a new one is asked for, and an answer that never suits ends as a loop (50196).
func TestRulesThatChangeMeanwhile(t *testing.T) {
	g := mfaGateway(t)
	b := g.browser()
	b.signIn("no")
	g.demand = &oidc.Demand{ACRs: []string{"gold"}}
	asked := b.toProvider("/")
	g.demand = nil
	if r := b.callback(asked); r.location != "/" {
		t.Errorf("the rule is gone: %d to %q", r.status, r.location)
	}
	g.demand = &oidc.Demand{ACRs: []string{"gold"}}
	asked = b.toProvider("/")
	g.demand = &oidc.Demand{ACRs: []string{"silver"}}
	r := b.callback(asked)
	if asked = query(t, r.location); asked.Get("acr_values") != "silver gold" || asked.Get("prompt") != "" {
		t.Errorf("a new rule asks for %v", asked)
	}
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"acr": "silver"} })
	if r = b.callback(asked); r.location != "/" {
		t.Errorf("met: %d to %q", r.status, r.location)
	}
	g.demand = &oidc.Demand{ACRs: []string{"one"}}
	asked = b.toProvider("/")
	for i := range maxRounds {
		g.demand = &oidc.Demand{ACRs: []string{strings.Repeat("x", i+1)}}
		r = b.callback(asked)
		if r.status != http.StatusSeeOther {
			t.Fatalf("round %d: %d\n%s", i, r.status, r.body)
		}
		asked = query(t, r.location)
	}
	g.demand = &oidc.Demand{ACRs: []string{"last"}}
	if r = b.callback(asked); r.status != http.StatusForbidden || g.log.last(t).Code != signinlog.LoopDetected {
		t.Errorf("round and round: %d to %q, %+v", r.status, r.location, g.log.last(t))
	}
}

// Field trial 1.1: the demand goes along where the site has several providers.
func TestDemandThroughTheChoice(t *testing.T) {
	g, partners := twoProviders(t)
	g.demand = &oidc.Demand{ACRs: []string{"gold"}}
	b := g.browser()
	r := b.get("/page")
	i := strings.Index(r.body, "/sign-in?provider=partners")
	if i < 0 {
		t.Fatalf("no choice:\n%s", r.body)
	}
	link, _, _ := strings.Cut(r.body[i:], `"`)
	asked := b.toChosen(partners, browser.Base+strings.ReplaceAll(link, "&amp;", "&"))
	if asked.Get("acr_values") != "gold" {
		t.Errorf("asked %v", asked)
	}
}

// max_idle: a provider that answers from its own session has not shown that the person is there (A11); one that has just
// asked them has.
func TestIdleIsAskedAgain(t *testing.T) {
	for _, c := range []struct {
		name      string
		ago, want time.Duration
	}{
		{"asked a minute ago", time.Minute, time.Minute},
		{"from a session of the provider's", 3 * time.Hour, 2 * time.Hour},
		{"without auth_time", 0, 2 * time.Hour},
	} {
		g := mfaGateway(t)
		var idle time.Duration
		g.site.Gate = gateAsked(func(_ *access.Visit, _ *session.Record, asked access.Asked) access.Admission {
			idle = asked.Idle
			return access.Admission{}
		})
		b := g.browser()
		b.signIn("yes")
		g.clock.Advance(2 * time.Hour)
		g.demand = &oidc.Demand{Reauthenticate: true, MaxAge: time.Hour}
		asked := b.toProvider("/")
		if c.ago > 0 {
			g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"auth_time": p.Now().Add(-c.ago).Unix()} })
		}
		if r := b.callback(asked); r.location != "/" || idle.Truncate(time.Second) != c.want {
			t.Errorf("%s: %d to %q, idle for %v, want %v", c.name, r.status, r.location, idle, c.want)
		}
	}
}

// Field trial 4.5: a step-up asks for consent where the sign-in does, and one whose answer brings no refresh token keeps the
// one that there was. An answer for another person does not.
func TestStepUpKeepsTheRefreshToken(t *testing.T) {
	for _, person := range []string{"s-1", "s-2"} {
		g := mfaGateway(t, func(s *settings) { s.params = map[string]string{"prompt": "consent"} })
		b := g.browser()
		asked := b.toProvider("/")
		if asked.Get("prompt") != "consent" {
			t.Fatalf("sign-in: %v", asked)
		}
		b.callback(asked) // without a prompt, as the consent page was shown (K13)
		g.demand = &oidc.Demand{MFA: true}
		asked = b.toProvider("/")
		if asked.Get("prompt") != "login consent" {
			t.Errorf("step-up: %v", asked)
		}
		g.idp.Set(func(p *oidctest.IDP) {
			p.Claims = map[string]any{"amr": []string{"mfa"}, "sub": person}
			p.TokenBody = map[string]any{"refresh_token": nil}
		})
		if r := b.callback(asked); r.status != http.StatusSeeOther || r.location != "/" {
			t.Fatalf("%d to %q", r.status, r.location)
		}
		who, token, err := g.service.Record(b.request(t), b.visit())
		if err != nil {
			t.Fatal(err)
		}
		tokens, err := g.service.Sessions.Tokens(who, token)
		if kept := err == nil && tokens.Refresh == "refresh-canary"; kept != (person == "s-1") || who.Renewable != kept {
			t.Errorf("%s: refresh token kept: %v (%v)", person, kept, err)
		}
	}
}

// request and visit are those of a page that the browser asks for.
func (b *testBrowser) request(t *testing.T) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, b.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (b *testBrowser) visit() *access.Visit {
	return &access.Visit{
		Site: b.site, Origin: b.URL, Host: "127.0.0.1",
		Cookies: browser.ReadCookies([]string{browser.SessionCookie + "=" + b.cookie(browser.SessionCookie).Value}, false),
	}
}

// Field trial 1.30: the prompts that a provider lists decide what is sent; one that lists none takes login.
func TestListedPrompts(t *testing.T) {
	for _, c := range []struct {
		listed              []string
		other, step, maxAge string
	}{
		{nil, "login", "login", ""},
		{[]string{"none", "login", "select_account"}, "select_account", "login", ""},
		{[]string{"none", "login"}, "login", "login", ""},
		{[]string{"none", "consent"}, "", "", "0"},
	} {
		g := mfaGateway(t, func(s *settings) {
			s.idp = oidctest.New(t, s.clock.Now)
			s.idp.Metadata = map[string]any{"prompt_values_supported": c.listed}
		})
		b := g.browser()
		asked := query(t, b.get(browser.Base+"/sign-in?other=1&return=/").location)
		if asked.Get("prompt") != c.other || c.other == "" && asked.Get("max_age") != "0" {
			t.Errorf("%v: another person: %v", c.listed, asked)
		}
		g.demand = &oidc.Demand{MFA: true}
		if asked = b.toProvider("/"); asked.Get("prompt") != c.step || asked.Get("max_age") != c.maxAge {
			t.Errorf("%v: step-up: %v", c.listed, asked)
		}
	}
}

// Field trial 1.15: a provider that promises iss and forgets it in an error is told as what it says: declined is declined.
// The error of another issuer stays a mix-up.
func TestErrorWithoutIssuer(t *testing.T) {
	g := newGateway(t, func(s *settings) {
		s.idp = oidctest.New(t, s.clock.Now)
		s.idp.Metadata = map[string]any{"authorization_response_iss_parameter_supported": true}
	})
	for iss, code := range map[string]signinlog.Code{"": signinlog.ConsentDeclined, "https://evil.example": signinlog.ProviderFailed} {
		b := g.browser()
		q := url.Values{"state": {b.toProvider("/").Get("state")}, "error": {"access_denied"}}
		if iss != "" {
			q.Set("iss", iss)
		}
		r := b.get(browser.Base + "/callback?" + q.Encode())
		if rec := g.log.last(t); rec.Code != code || g.idp.Count("/token") != 0 {
			t.Errorf("iss %q: %d, code %d", iss, r.status, rec.Code)
		}
	}
}

// Field trial 3.2: a site takes a session of a provider that it names, at the issuer that the provider has now.
func TestSiteTakes(t *testing.T) {
	providers := []*oidc.Provider{
		{Config: oidc.Config{Name: "main", Issuer: "https://a.example"}},
		{Config: oidc.Config{Name: "partners", Issuer: "https://b.example"}},
	}
	for _, c := range []struct {
		site         []string
		name, issuer string
		want         bool
	}{
		{nil, "main", "https://a.example", true},
		{nil, "main", "https://old.example", false},
		{nil, "partners", "https://b.example", false},
		{[]string{"partners"}, "partners", "https://b.example", true},
		{[]string{"partners"}, "partners", "https://a.example", false},
		{[]string{"partners"}, "main", "https://a.example", false},
		{[]string{"gone"}, "gone", "", false},
	} {
		if got := (&access.Site{Providers: c.site}).Takes(providers, c.name, c.issuer); got != c.want {
			t.Errorf("%v takes %s at %s: %v", c.site, c.name, c.issuer, got)
		}
	}
	// A provider that moved to another issuer: no page of the app, and /session says so as well.
	g := newGateway(t)
	b := g.browser()
	b.signIn("no")
	g.service.Providers[0].Issuer = "https://moved.example"
	if r := b.get(browser.Base + "/session"); !strings.Contains(r.body, `"signed_in":false`) {
		t.Errorf("/session: %s", r.body)
	}
}
