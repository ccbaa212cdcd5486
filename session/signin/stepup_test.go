package signin

import (
	"encoding/json"
	"net/http"
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

func mfaGateway(t *testing.T, change ...func(*settings)) *gateway {
	return newGateway(t, append([]func(*settings){func(s *settings) {
		s.claims = oidc.ClaimsConfig{MFAMethods: []string{"mfa"}}
		s.prompt.SharedUsers = 0
	}}, change...)...)
}

// TestStepUp: a live session goes back for more, keeps its answer, its end and its place, and changes its id (row 1,
// X21, A75).
func TestStepUp(t *testing.T) {
	g := mfaGateway(t)
	b := g.browser()
	b.signIn("yes")
	old := b.cookie(browser.SessionCookie)
	g.clock.Advance(10 * 24 * time.Hour)
	g.demand = &oidc.Demand{MFA: true, ACRs: []string{"urn:gold"}, Reauthenticate: true, MaxAge: 15 * time.Minute}
	asked := b.toProvider("/danger?x=1")
	if asked.Get("acr_values") != "urn:gold" || asked.Get("max_age") != "900" || asked.Get("prompt") != "login" {
		t.Errorf("asked %v", asked)
	}
	if rec := g.log.last(t); rec.Code != signinlog.StrongAuthRequired || rec.Code.Status() != "interrupted" || rec.UserName != "ada" {
		t.Errorf("log %+v", rec)
	}
	g.idp.Set(func(p *oidctest.IDP) {
		p.Claims = map[string]any{"amr": []string{"pwd", "mfa"}, "acr": "urn:gold", "auth_time": p.Now().Unix()}
	})
	r := b.callback(asked)
	c := r.setCookies()[browser.SessionCookie]
	if r.location != "/danger?x=1" || c == nil || c.Value == old.Value {
		t.Fatalf("step-up: %d to %q, cookie %v", r.status, r.location, c)
	}
	left := int((session.DefaultLimits.Persistent.Max - 10*24*time.Hour) / time.Second)
	if c.MaxAge > left || c.MaxAge < left-5 {
		t.Errorf("lifetime %d s, want the %d s that were left (A13)", c.MaxAge, left)
	}
	if r := b.get("/danger"); r.body != "app: ada persistent" {
		t.Errorf("app: %d %q", r.status, r.body)
	}
	if r := g.browser().do(http.MethodGet, "/", nil, "Cookie", browser.SessionCookie+"="+old.Value); r.status != http.StatusSeeOther {
		t.Errorf("the old id lives: %d", r.status)
	}
	if rec := g.log.last(t); rec.CorrelationID == "" {
		t.Errorf("log %+v", rec)
	}
}

// TestStepUpIgnored: a provider that ignores the demand does not pass; one retry with prompt=login, then a page that
// names what is missing (A11, A12).
func TestStepUpIgnored(t *testing.T) {
	g := mfaGateway(t, func(s *settings) { s.claims.MFAContexts = []string{"urn:mfa"} })
	b := g.browser()
	b.signIn("no")
	g.demand = &oidc.Demand{MFA: true, Reauthenticate: true, MaxAge: time.Hour}
	asked := b.toProvider("/danger")
	if asked.Get("prompt") != "" || asked.Get("acr_values") != "urn:mfa" {
		t.Errorf("asked first: %v", asked)
	}
	r := b.callback(asked)
	again := query(t, r.location)
	if !strings.HasPrefix(r.location, g.idp.URL) || again.Get("prompt") != "login" {
		t.Fatalf("first try: %d to %q", r.status, r.location)
	}
	r = b.callback(again)
	if r.status != http.StatusForbidden || !strings.Contains(r.body, "auth_time") || !strings.Contains(r.body, "amr") {
		t.Errorf("second try: %d\n%s", r.status, r.body)
	}
	if r := b.get("/danger"); r.status != http.StatusSeeOther || g.passed.Load() != 1 {
		t.Errorf("it passed all the same: %d", r.status)
	}
	g.demand = nil
	if r := b.get("/"); r.status != http.StatusOK {
		t.Errorf("the session is gone: %d", r.status)
	}
}

// A provider that says that it cannot meet the demand gets the user the page that says so, and not that of a provider that
// fails: Okta does for a user without a second factor. The session of before lives on.
func TestStepUpUnmet(t *testing.T) {
	g := mfaGateway(t)
	b := g.browser()
	b.signIn("no")
	const unmet = "&error=unmet_authentication_requirements"
	g.demand = &oidc.Demand{MFA: true, ACRs: []string{"urn:gold"}}
	r := b.get(browser.Base + "/callback?state=" + b.toProvider("/danger").Get("state") + unmet)
	if r.status != http.StatusForbidden || !strings.Contains(r.body, "<bdi>route</bdi>") || !strings.Contains(r.body, "requirement_not_shown") {
		t.Errorf("%d\n%s", r.status, r.body)
	}
	if rec := g.log.last(t); rec.Code != signinlog.StrongAuthRequired || rec.Detail != "unmet_authentication_requirements" {
		t.Errorf("log %+v", rec)
	}
	g.demand = nil
	if r := b.get("/"); r.status != http.StatusOK || g.idp.Count("/token") != 1 {
		t.Errorf("the session is gone: %d", r.status)
	}
	// Nothing of ours was demanded, so no policy can be named.
	other := g.browser()
	r = other.get(browser.Base + "/callback?state=" + other.toProvider("/").Get("state") + unmet)
	if rec := g.log.last(t); r.status != http.StatusBadGateway || rec.Code != signinlog.StrongAuthRequired {
		t.Errorf("%d, log %+v", r.status, rec)
	}
}

// TestStepUpBackground holds F5: what is no navigation is told, and the next navigation redirects; a form is not lost
// to a redirect.
func TestStepUpBackground(t *testing.T) {
	g := mfaGateway(t)
	b := g.browser()
	b.signIn("no")
	g.demand = &oidc.Demand{ACRs: []string{"urn:gold"}, Reauthenticate: true, MaxAge: time.Minute}
	r := b.do(http.MethodGet, "/api", nil, "Accept", "*/*")
	if r.status != http.StatusUnauthorized || !strings.Contains(r.body, `"reason":"mfa_required"`) ||
		r.header.Get("WWW-Authenticate") != `Latchkey error="insufficient_user_authentication", acr_values="urn:gold", max_age="60"` {
		t.Errorf("script: %d %q %s", r.status, r.header.Get("WWW-Authenticate"), r.body)
	}
	if r := b.do(http.MethodPost, "/form", map[string][]string{"a": {"b"}}); r.status != http.StatusUnauthorized || r.location != "" {
		t.Errorf("form: %d to %q", r.status, r.location)
	}
	b.toProvider("/page")
}

// TestStepUpSomebodyElse: who comes back as somebody else has signed in anew, with a prompt, and the first session is
// over.
func TestStepUpSomebodyElse(t *testing.T) {
	g := mfaGateway(t)
	b := g.browser()
	b.signIn("yes")
	g.demand = &oidc.Demand{MFA: true}
	asked := b.toProvider("/")
	g.idp.Set(func(p *oidctest.IDP) {
		p.Claims = map[string]any{"sub": "s-2", "preferred_username": "eve", "amr": []string{"mfa"}}
	})
	if r := b.callback(asked); !stays(r.location) {
		t.Fatalf("%d to %q, want the prompt", r.status, r.location)
	}
	b.answer(b.get(browser.Base+"/stay"), "no")
	if r := b.get("/"); r.body != "app: eve browser" {
		t.Errorf("app: %q", r.body)
	}
}

// TestStepUpLoop holds 50196: a demand that is met and made again, over and over, ends on a page.
func TestStepUpLoop(t *testing.T) {
	g := mfaGateway(t)
	b := g.browser()
	b.signIn("no")
	for i := range loopLimit {
		acr := strings.Repeat("x", i+1)
		g.demand = &oidc.Demand{ACRs: []string{acr}}
		asked := b.toProvider("/")
		g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"acr": acr} })
		if r := b.callback(asked); r.location != "/" {
			t.Fatalf("step-up %d: %d to %q", i, r.status, r.location)
		}
	}
	g.demand = &oidc.Demand{MFA: true}
	if r := b.get("/"); r.status != http.StatusBadRequest || g.log.last(t).Code != signinlog.LoopDetected {
		t.Errorf("still going round: %d to %q", r.status, r.location)
	}
	g.clock.Advance(loopWindow)
	b.toProvider("/")
}

// TestDemandAtSignIn: what the policies want of everybody is asked for in the first sign-in, and no session is made
// before it is shown (R5).
func TestDemandAtSignIn(t *testing.T) {
	var g *gateway
	want := &oidc.Demand{MFA: true}
	g = mfaGateway(t, func(s *settings) {
		s.admit = func(_ *access.Visit, who *session.Record) access.Admission {
			if slices.Contains(who.AMR, "mfa") {
				return access.Admission{}
			}
			return access.Admission{Demand: want, Refusal: &access.Refusal{Code: signinlog.StrongAuthRequired, Policies: []string{"mfa-for-all"}}}
		}
	})
	b := g.browser()
	r := b.callback(b.toProvider("/page"))
	asked := query(t, r.location)
	if !strings.HasPrefix(r.location, g.idp.URL) || r.setCookies()[browser.PendingCookie] != nil {
		t.Fatalf("%d to %q", r.status, r.location)
	}
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"amr": []string{"mfa"}} })
	if r := b.callback(asked); !stays(r.location) {
		t.Fatalf("with the second factor: %d to %q", r.status, r.location)
	}
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = nil })
	other := g.browser()
	r = other.callback(other.toProvider("/page"))
	if asked := query(t, r.location); asked.Get("prompt") != "login" {
		t.Errorf("asked %v", asked)
	}
	// A second request would be the same as the first, so there is none (field trial 4.7).
	r = other.callback(query(t, r.location))
	if r.status != http.StatusForbidden || !strings.Contains(r.body, "mfa-for-all") || r.setCookies()[browser.SessionCookie] != nil {
		t.Errorf("without it: %d to %q", r.status, r.location)
	}
}

// TestDemandParams holds A12: Entra's contexts are asked for by the claims parameter, everybody else's by acr_values.
func TestDemandParams(t *testing.T) {
	g := mfaGateway(t)
	b := g.browser()
	b.signIn("no")
	g.demand = &oidc.Demand{ACRs: []string{"c1", "urn:gold"}}
	asked := b.toProvider("/")
	if asked.Get("claims") != `{"id_token":{"acrs":{"essential":true,"value":"c1"}}}` || asked.Get("acr_values") != "urn:gold" {
		t.Errorf("asked %v", asked)
	}
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"acrs": []string{"c1"}, "acr": "urn:gold"} })
	if r := b.callback(asked); r.location != "/" {
		t.Errorf("%d to %q", r.status, r.location)
	}
}

// TestStepUpLink: the address that a refused script or form is given leads to the step-up itself, keeps the session's
// answer, and is nobody else's to make.
func TestStepUpLink(t *testing.T) {
	g := mfaGateway(t)
	b := g.browser()
	b.signIn("yes")
	g.demand = &oidc.Demand{MFA: true, Reauthenticate: true, MaxAge: time.Hour}
	r := b.do(http.MethodGet, "/api", nil, "Accept", "*/*")
	var problem struct {
		SignInURL string `json:"sign_in_url"`
	}
	if err := json.Unmarshal([]byte(r.body), &problem); err != nil {
		t.Fatal(err)
	}
	form := b.do(http.MethodPost, "/form", map[string][]string{"a": {"b"}})
	if !strings.Contains(form.body, "Confirm that it is you") || !strings.Contains(form.body, "step=") {
		t.Errorf("form: %d\n%s", form.status, form.body)
	}
	asked := b.toProvider(problem.SignInURL)
	if asked.Get("max_age") != "3600" || asked.Get("prompt") != "login" {
		t.Errorf("the link asks for %v", asked)
	}
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"amr": []string{"mfa"}, "auth_time": p.Now().Unix()} })
	if r := b.callback(asked); r.location != "/" {
		t.Fatalf("step-up by link: %d to %q", r.status, r.location)
	}
	if r := b.get("/"); r.body != "app: ada persistent" {
		t.Errorf("app: %q", r.body)
	}
	// Without a session it is a sign-in with the same demand; forged or old, a plain one.
	if asked := g.browser().toProvider(problem.SignInURL); asked.Get("max_age") != "3600" {
		t.Errorf("without a session: %v", asked)
	}
	g.clock.Advance(stepLife)
	for _, link := range []string{problem.SignInURL, browser.Base + "/sign-in?return=%2F&step=AAAA"} {
		if asked := g.browser().toProvider(link); asked.Get("max_age") != "" {
			t.Errorf("%s: %v", link, asked)
		}
	}
}

// TestStepUpNamesThePolicies: whichever policy asks, asked for and not shown is 50074, and the page and the log name it.
func TestStepUpNamesThePolicies(t *testing.T) {
	g := mfaGateway(t)
	b := g.browser()
	b.signIn("no")
	g.demand, g.policies = &oidc.Demand{MFA: true}, []string{"vault"}
	asked := b.toProvider("/")
	if rec := g.log.last(t); len(rec.Policies) != 1 || rec.Policies[0].Name != "vault" {
		t.Errorf("asked: %+v", rec)
	}
	r := b.callback(asked)
	if rec := g.log.last(t); rec.Code != signinlog.StrongAuthRequired || len(rec.Policies) != 1 || !strings.Contains(r.body, "vault") {
		t.Errorf("not shown: %d, %+v", r.status, rec)
	}
}

// A cookie and an address have room for so many names of policies.
func TestBoundedDemand(t *testing.T) {
	long := &oidc.Demand{Policies: []string{strings.Repeat("a", 256), strings.Repeat("b", 256), "c"}}
	if got := bounded(long).Policies; len(got) != 2 {
		t.Errorf("%d names go along", len(got))
	}
}
