package signin

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
)

func copyTo(to io.Writer, from *http.Response) (int64, error) { return io.Copy(to, from.Body) }

// kind is that of a browser's session, as its page says.
func (b *testBrowser) kind() string { b.t.Helper(); return b.mine().Sessions[0].Kind }

// A13, X10: a person turns their session into a persistent one under a new id, and back; the old cookie is dead.
func TestMeStays(t *testing.T) {
	g, _ := meGateway(t)
	b := g.browser()
	b.signIn("no")
	before := b.mine().Sessions[0]
	old := b.cookie(browser.SessionCookie).Value
	g.clock.Advance(time.Hour)
	r := b.change("do", "persistent")
	c := r.setCookies()[browser.SessionCookie]
	if c == nil || c.Value == old || c.MaxAge < int((180*24*time.Hour-time.Hour)/time.Second)-1 || c.MaxAge > int((180*24*time.Hour-time.Hour)/time.Second) || r.header.Get("Refresh") != "0; url="+browser.AccountPath {
		t.Fatalf("%d, cookie %v\n%s", r.status, c, r.body)
	}
	now := b.mine().Sessions[0]
	if now.Kind != "persistent" || now.KindReason != prompt.ReasonAnsweredYes || now.ID == before.ID || !now.FirstUsed.Equal(before.FirstUsed) {
		t.Errorf("%+v", now)
	}
	if r := g.browser().do(http.MethodGet, "/", nil, "Cookie", browser.SessionCookie+"="+old); r.status != http.StatusSeeOther {
		t.Errorf("the old cookie: %d", r.status)
	}
	if r := b.change("do", "persistent"); r.status != http.StatusOK || r.setCookies()[browser.SessionCookie] != nil {
		t.Errorf("twice: %d, %v", r.status, r.setCookies())
	}
	c = b.change("do", "browser").setCookies()[browser.SessionCookie]
	if c == nil || c.MaxAge != 0 || !c.Expires.IsZero() || b.kind() != "browser" || !b.signedIn() {
		t.Errorf("back: %v", c)
	}
	if b.change("do", "persistent"); b.kind() != "persistent" {
		t.Error("and again")
	}
	g.clock.Advance(8 * 24 * time.Hour)
	if b.change("do", "browser"); b.signedIn() {
		t.Error("a session that has outlived what it is turned into goes on")
	}
}

// X15, X16, K7, K9 to K14, B4, B6, A16: nobody can say here what they could not have said at the prompt. What hid the
// prompt at sign-in hides it here, and so does what is in force by now.
func TestMeStaysWithinThePolicies(t *testing.T) {
	for name, tt := range map[string]struct {
		claims map[string]any
		before func(*gateway, *access.Admission) // at the sign-in
		then   func(*gateway, *access.Admission) // afterwards
		reason string
	}{
		"asked":                  {reason: prompt.ReasonAsked},
		"never":                  {then: func(_ *gateway, a *access.Admission) { a.Persistence = prompt.PersistenceNever }, reason: prompt.ReasonPolicyNever},
		"always":                 {then: func(_ *gateway, a *access.Admission) { a.Persistence = prompt.PersistenceAlways }, reason: prompt.ReasonPolicyAlways},
		"setting off":            {then: func(g *gateway, _ *access.Admission) { g.service.Prompt.Off = true }, reason: prompt.ReasonSettingOff},
		"site off":               {then: func(g *gateway, _ *access.Admission) { g.site.PromptOff = true }, reason: prompt.ReasonSettingOff},
		"setting off at sign-in": {before: func(g *gateway, _ *access.Admission) { g.service.Prompt.Off = true }, then: func(g *gateway, _ *access.Admission) { g.service.Prompt.Off = false }, reason: prompt.ReasonAsked},
		"guest":                  {claims: map[string]any{"acct": 1}, reason: prompt.ReasonGuest},
		"risk":                   {claims: map[string]any{"risk": "high"}, reason: prompt.ReasonHighRisk},
		"IWA":                    {claims: map[string]any{"amr": []string{"wia"}}, reason: prompt.ReasonIWA},
		"device":                 {claims: map[string]any{"shared": true}, reason: prompt.ReasonSharedDevice},
		// Field trial 1.4: what cannot be read hides it as well.
		"guest, unreadable":       {claims: map[string]any{"acct": map[string]any{}}, reason: prompt.ReasonGuest},
		"risk, unreadable":        {claims: map[string]any{"risk": "severe"}, reason: prompt.ReasonHighRisk},
		"device, unreadable":      {claims: map[string]any{"shared": "perhaps"}, reason: prompt.ReasonSharedDevice},
		"shared network":          {then: func(_ *gateway, a *access.Admission) { a.SharedNetwork = true }, reason: prompt.ReasonSharedDevice},
		"shared network at first": {before: func(_ *gateway, a *access.Admission) { a.SharedNetwork = true }, then: func(_ *gateway, a *access.Admission) { a.SharedNetwork = false }, reason: prompt.ReasonSharedDevice},
	} {
		t.Run(name, func(t *testing.T) {
			says := &access.Admission{}
			g, _ := meGateway(t, func(s *settings) {
				s.claims = oidc.ClaimsConfig{GuestClaim: "acct", GuestValue: "1", SignInRisk: "risk", IWAMethods: []string{"wia"}, SharedDevice: "shared"}
				s.admit = func(*access.Visit, *session.Record) access.Admission { return *says }
			})
			g.idp.Set(func(p *oidctest.IDP) { p.Claims = tt.claims })
			if tt.before != nil {
				tt.before(g, says)
			}
			b := g.browser()
			if r := b.callback(b.toProvider("/")); stays(r.location) {
				if tt.claims != nil {
					t.Error("asked at the sign-in")
				}
				b.answer(b.get(r.location), "no")
			}
			if tt.then != nil {
				tt.then(g, says)
			}
			may := tt.reason == prompt.ReasonAsked || tt.reason == prompt.ReasonPolicyAlways
			m := b.mine()
			if m.MayStay != may || m.StayReason != tt.reason || m.Sessions[0].Kind != "browser" {
				t.Fatalf("%+v", m)
			}
			if page := b.get(browser.AccountPath).body; strings.Contains(page, `value="persistent"`) != may {
				t.Errorf("the button:\n%s", page)
			}
			r := b.change("do", "persistent")
			if got := b.kind(); (got == "persistent") != may || !may && (r.status != http.StatusForbidden || r.setCookies()[browser.SessionCookie] != nil) {
				t.Errorf("%d: now %s", r.status, got)
			}
			if !may {
				r := b.do(http.MethodPost, browser.AccountPath, url.Values{"csrf": {m.CSRF}, "do": {"persistent"}}, "Accept", "application/json")
				if r.status != http.StatusConflict || !strings.Contains(r.body, tt.reason) {
					t.Errorf("a script: %d %s", r.status, r.body)
				}
			}
		})
	}
}

// A browser in which several people have signed in keeps nobody (A7), and a copied cookie cannot be made to outlive the
// testBrowser that it was copied from.
func TestMeStaysInItsBrowser(t *testing.T) {
	g, _ := meGateway(t, func(s *settings) { s.prompt.SharedUsers, s.prompt.SharedWindow = 2, 7*24*time.Hour })
	b := g.browser()
	b.signIn("no")
	thief := g.browser()
	stolen := func(method string, form url.Values) result {
		return thief.do(method, browser.AccountPath, form, "Cookie", browser.SessionCookie+"="+b.cookie(browser.SessionCookie).Value)
	}
	page := stolen(http.MethodGet, nil)
	if page.status != http.StatusOK || strings.Contains(page.body, `value="persistent"`) {
		t.Errorf("the thief's page: %d", page.status)
	}
	if r := stolen(http.MethodPost, url.Values{"csrf": {csrf(page.body)}, "do": {"persistent"}}); r.status != http.StatusForbidden || b.kind() != "browser" {
		t.Errorf("the thief: %d", r.status)
	}
	if m := b.mine(); !m.MayStay {
		t.Fatalf("%+v", m)
	}
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": "s-2"} })
	b.callback(b.toProvider(browser.Base + "/sign-in"))
	if m := b.mine(); m.MayStay || m.StayReason != prompt.ReasonSharedDevice {
		t.Errorf("the second person: %+v", m)
	}
}

// A10: the answer that a browser keeps is forgotten by the person who gave it, and by nobody else who shares the browser.
func TestMeForgetsAnswer(t *testing.T) {
	g, _ := meGateway(t)
	b := g.browser()
	b.signIn("no", "remember", "1")
	made := b.cookie(browser.AnswerCookie)
	if m := b.mine(); m.Remembered != "no" || m.RememberedUntil == nil || !m.RememberedUntil.Equal(g.clock.Now().Add(180*24*time.Hour).Truncate(time.Second)) {
		t.Errorf("%+v", m)
	}
	if page := b.get(browser.AccountPath); made == nil || !strings.Contains(page.body, "Forget this answer") {
		t.Errorf("%v\n%s", made, page.body)
	}
	r := b.change("do", "forget_answer")
	if c := r.setCookies()[browser.AnswerCookie]; c == nil || c.MaxAge >= 0 || c.Path != "/" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Domain != "" {
		t.Errorf("A73: the cookie: %v", c)
	}
	if m := b.mine(); m.Remembered != "" || !b.signedIn() {
		t.Errorf("%+v", m)
	}
	b.signOut()
	b.answer(b.prompted("/"), "yes", "remember", "1") // asked again
	b.signOut()
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": "s-2"} })
	b.answer(b.prompted("/"), "no", "remember", "1")
	if r := b.change("do", "forget_answer"); r.setCookies()[browser.AnswerCookie] == nil || r.setCookies()[browser.AnswerCookie].MaxAge <= 0 {
		t.Errorf("another's answer is in it: %v", r.setCookies()[browser.AnswerCookie])
	}
	b.signOut()
	b.prompted("/")
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = nil })
	b.callback(b.toProvider(browser.Base + "/sign-in"))
	if m := b.mine(); m.Remembered != "yes" || m.Sessions[0].Kind != "persistent" {
		t.Errorf("the first person's: %+v", m)
	}
}

// A store that does not answer changes nothing and says so.
func TestMeStoreDown(t *testing.T) {
	g, _ := meGateway(t)
	b := g.browser()
	b.signIn("no")
	token := b.mine().CSRF
	g.store.Fail(errors.New("out"))
	for _, do := range []string{"end_all", "end_others", "persistent"} {
		if r := b.do(http.MethodPost, browser.AccountPath, url.Values{"csrf": {token}, "do": {do}}); r.status != http.StatusServiceUnavailable || len(r.setCookies()) != 0 {
			t.Errorf("%s: %d, %v", do, r.status, r.setCookies())
		}
	}
	g.store.Fail(nil)
	if !b.signedIn() || b.kind() != "browser" {
		t.Error("something changed")
	}
}

// Whom the policies refuse is shown nothing, and whom they ask for more signs in more strongly first.
func TestMeIsGuarded(t *testing.T) {
	says := &access.Admission{}
	g, _ := meGateway(t, func(s *settings) { s.admit = func(*access.Visit, *session.Record) access.Admission { return *says } })
	b := g.browser()
	b.signIn("yes")
	token := b.mine().CSRF
	says.Refusal = &access.Refusal{Code: 53003, Reason: "blocked_by_policy"}
	for what, r := range map[string]result{
		"the page": b.get(browser.AccountPath), "a script": b.do(http.MethodGet, browser.AccountPath, nil, "Accept", "application/json"),
		"a change": b.do(http.MethodPost, browser.AccountPath, url.Values{"csrf": {token}, "do": {"end_all"}}),
	} {
		if r.status != http.StatusForbidden || strings.Contains(r.body, "203.0.113.9") {
			t.Errorf("%s: %d", what, r.status)
		}
	}
	says.Demand = &oidc.Demand{MFA: true}
	asked := b.toProvider(browser.AccountPath)
	*says = access.Admission{}
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"amr": []string{"mfa"}} })
	g.service.Providers[0].Claims.MFAMethods = []string{"mfa"}
	if r := b.callback(asked); r.location != browser.AccountPath {
		t.Errorf("after the step-up: %d to %q\n%s", r.status, r.location, r.body)
	}
}
