package signin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// TestBadState holds A01: a callback whose state is not proven is a 400 and causes no request.
func TestBadState(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	asked := b.toProvider("/")
	stranger := g.browser().toProvider("/")
	storetest.Until(t, "the metadata are read", func() bool { return g.idp.Count("/.well-known/openid-configuration") == 1 })
	before := g.idp.Total()
	name := asked.Get("state")[:browser.FlowNameSize+1]
	for what, query := range map[string]string{
		"no state":            "code=c",
		"an empty state":      "code=c&state=",
		"garbage":             "code=c&state=%00%00",
		"of another tab":      "code=c&state=" + name + strings.Repeat("A", 22),
		"twice (A44)":         "code=c&state=" + asked.Get("state") + "&state=" + asked.Get("state"),
		"two codes":           "code=c&code=d&state=" + asked.Get("state"),
		"two iss":             "code=c&iss=a&iss=b&state=" + asked.Get("state"),
		"malformed query":     "code=%zz&state=" + asked.Get("state"),
		"resume that is none": "resume=AAAA",
		"oversized code":      "code=" + strings.Repeat("c", maxCode+1) + "&state=" + asked.Get("state"),
	} {
		if r := b.get(browser.Base + "/callback?" + query); r.status != http.StatusBadRequest {
			t.Errorf("%s: %d to %q, want 400", what, r.status, r.location)
		}
	}
	// A state of another browser finds no flow here: nothing is redeemed, this browser begins its own sign-in.
	r := b.get(browser.Base + "/callback?code=c&state=" + stranger.Get("state"))
	if r.status != http.StatusSeeOther || !strings.HasPrefix(r.location, g.idp.URL+"/authorize") || query(t, r.location).Get("state") == stranger.Get("state") {
		t.Errorf("foreign state: %d to %q", r.status, r.location)
	}
	if n := g.idp.Total(); n != before {
		t.Errorf("%d outbound calls", n-before)
	}
	if g.store.Len() != 0 {
		t.Errorf("%d entries in the store", g.store.Len())
	}
}

// TestLostFlow: a lost flow restarts automatically, once: a browser that keeps no cookies does not loop (50196).
func TestLostFlow(t *testing.T) {
	g := newGateway(t)
	first := g.browser().toProvider("/") // its cookie is in another jar, as good as lost
	r := g.browser().callback(first)
	if !strings.HasPrefix(r.location, g.idp.URL) {
		t.Fatalf("lost flow: %d to %q", r.status, r.location)
	}
	r = g.browser().callback(query(t, r.location))
	if r.status != http.StatusBadRequest || g.log.last(t).Code != signinlog.LoopDetected {
		t.Errorf("lost twice: %d to %q", r.status, r.location)
	}
}

// TestSpentState: reload or Back onto a spent callback goes to the app when signed in, and redeems nothing (54005).
func TestSpentState(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	asked := b.toProvider("/page")
	name := browser.FlowCookie + asked.Get("state")[:browser.FlowNameSize]
	kept := b.cookie(name)
	b.callback(asked)
	if b.cookie(name) != nil {
		t.Error("the flow cookie outlives the callback")
	}
	u, err := url.Parse(b.URL)
	if err != nil {
		t.Fatal(err)
	}
	tokens := g.idp.Count("/token")
	b.client.Jar.SetCookies(u, []*http.Cookie{kept})
	if r := b.callback(asked); !stays(r.location) {
		t.Errorf("reload with the prompt open: %d to %q", r.status, r.location)
	}
	b.answer(b.get(browser.Base+"/stay"), "no")
	b.client.Jar.SetCookies(u, []*http.Cookie{kept})
	if r := b.callback(asked); r.location != "/page" {
		t.Errorf("reload when signed in: %d to %q", r.status, r.location)
	}
	thief := g.browser()
	thief.client.Jar.SetCookies(u, []*http.Cookie{kept})
	if r := thief.callback(asked); r.status != http.StatusBadRequest || r.setCookies()[browser.SessionCookie] != nil {
		t.Errorf("a copied flow: %d to %q", r.status, r.location)
	}
	if g.idp.Count("/token") != tokens {
		t.Error("the code was redeemed again")
	}
}

// TestTabs: several flows of one browser live side by side; over the bound the oldest goes.
func TestTabs(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	var asked []url.Values
	for range maxFlows + 2 {
		asked = append(asked, b.toProvider("/"))
		g.clock.Advance(time.Second)
	}
	live := 0
	for i, a := range asked {
		if b.cookie(browser.FlowCookie+a.Get("state")[:browser.FlowNameSize]) != nil {
			live++
			if i < 2 {
				t.Errorf("flow %d is older than the bound and still there", i)
			}
		}
	}
	if live != maxFlows {
		t.Fatalf("%d flows are kept, want %d", live, maxFlows)
	}
	for _, a := range asked[2:4] {
		if r := b.callback(a); !stays(r.location) {
			t.Errorf("one of several tabs: %d to %q", r.status, r.location)
		}
	}
}

// TestFormPost: an answer by form_post, which carries none of our cookies, goes on as a GET, which does.
func TestFormPost(t *testing.T) {
	g := newGateway(t, func(s *settings) { s.params = map[string]string{"response_mode": "form_post"} })
	b := g.browser()
	asked := b.toProvider("/page")
	if asked.Get("response_mode") != "form_post" {
		t.Errorf("auth_param not sent: %v", asked)
	}
	form := url.Values{"state": {asked.Get("state")}, "code": {asked.Get("nonce")}}
	post := g.browser().do(http.MethodPost, browser.Base+"/callback", form, "Origin", g.idp.URL, "Sec-Fetch-Site", "cross-site")
	if post.status != http.StatusSeeOther || !strings.HasPrefix(post.location, browser.Base+"/callback?resume=") ||
		strings.Contains(post.location, asked.Get("nonce")) || strings.Contains(post.location, asked.Get("state")) {
		t.Fatalf("form_post: %d to %q", post.status, post.location)
	}
	if r := g.browser().get(post.location); r.setCookies()[browser.PendingCookie] != nil || stays(r.location) {
		t.Errorf("another browser went on with it: %q", r.location)
	}
	if r := b.get(post.location); !stays(r.location) {
		t.Errorf("resumed: %d to %q", r.status, r.location)
	}
	b.answer(b.get(browser.Base+"/stay"), "cancel")
	late := b.toProvider("/other")
	form = url.Values{"state": {late.Get("state")}, "code": {late.Get("nonce")}}
	post = g.browser().do(http.MethodPost, browser.Base+"/callback", form)
	g.clock.Advance(resumeLife)
	if r := b.get(post.location); r.status != http.StatusBadRequest {
		t.Errorf("resumed too late: %d to %q", r.status, r.location)
	}
	for what, r := range map[string]result{
		"oversized (A31)": b.do(http.MethodPost, browser.Base+"/callback", url.Values{"state": {late.Get("state")}, "x": {strings.Repeat("x", maxCallbackBody)}}),
		"empty (A63)":     b.do(http.MethodPost, browser.Base+"/callback", url.Values{}),
		"no type (A39)":   b.do(http.MethodPost, browser.Base+"/callback", form, "Content-Type", ""),
		"twice (A44)":     b.do(http.MethodPost, browser.Base+"/callback", url.Values{"state": {late.Get("state"), late.Get("state")}, "code": {"c"}}),
	} {
		if r.status != http.StatusBadRequest {
			t.Errorf("%s: %d", what, r.status)
		}
	}
}

// TestProviderErrors: an error callback signs no user in and shows no prompt (K6); the user sees our own text, and the
// log has the code.
func TestProviderErrors(t *testing.T) {
	for word, want := range map[string]struct {
		status int
		code   signinlog.Code
	}{
		"access_denied":           {http.StatusForbidden, signinlog.ConsentDeclined},
		"login_required":          {http.StatusBadGateway, signinlog.SilentSignInFailed},
		"temporarily_unavailable": {http.StatusServiceUnavailable, signinlog.ProviderUnavailable},
		"server_error":            {http.StatusServiceUnavailable, signinlog.ProviderUnavailable},
		"invalid_request":         {http.StatusBadGateway, signinlog.ProviderFailed},
		"<script>alert(1)":        {http.StatusBadGateway, signinlog.ProviderFailed},
	} {
		t.Run(word, func(t *testing.T) {
			g := newGateway(t)
			b := g.browser()
			asked := b.toProvider("/")
			r := b.get(browser.Base + "/callback?" + url.Values{
				"state": {asked.Get("state")}, "error": {word}, "error_description": {"<b>canary</b>"}, "error_uri": {"https://evil.example"},
			}.Encode())
			rec := g.log.last(t)
			if r.status != want.status || rec.Code != want.code {
				t.Errorf("%d with code %d, want %d with %d", r.status, rec.Code, want.status, want.code)
			}
			if strings.Contains(r.body, "canary") || strings.Contains(r.body, "evil.example") || strings.Contains(r.body, "<script>") {
				t.Error("the provider's words are on our page")
			}
			if r.setCookies()[browser.SessionCookie] != nil || g.idp.Count("/token") != 0 {
				t.Error("an error signed somebody in")
			}
			if strings.HasPrefix(rec.Detail, "<") {
				t.Errorf("log: %q", rec.Detail)
			}
		})
	}
}

// TestConsent holds K13 and A5: consent_required restarts with prompt=consent, once, and then the user is not asked to
// stay signed in.
func TestConsent(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	asked := b.toProvider("/page")
	refuse := func(asked url.Values) result {
		return b.get(browser.Base + "/callback?" + url.Values{"state": {asked.Get("state")}, "error": {"consent_required"}}.Encode())
	}
	r := refuse(asked)
	again := query(t, r.location)
	if again.Get("prompt") != "consent" {
		t.Fatalf("consent_required: %d to %q", r.status, r.location)
	}
	if r := b.callback(again); r.location != "/page" || g.log.last(t).PromptReason != prompt.ReasonConsent {
		t.Errorf("after consent: %q, %s", r.location, g.log.last(t).PromptReason)
	}
	b.signOut()
	r = refuse(query(t, refuse(b.toProvider("/")).location))
	if r.status != http.StatusBadGateway {
		t.Errorf("consent_required twice: %d to %q", r.status, r.location)
	}
}

// TestOvertaken: a provider keeps one nonce for each user, so that the first of two tabs gets an ID token with the nonce of
// the second one. It is not accepted, and the first tab goes to the provider again, by itself and once.
func TestOvertaken(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	one, two := b.toProvider("/one"), b.toProvider("/two")
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"nonce": two.Get("nonce")} })
	r := b.callback(one)
	again := query(t, r.location)
	if r.status != http.StatusSeeOther || !strings.HasPrefix(r.location, g.idp.URL) || r.setCookies()[browser.PendingCookie] != nil {
		t.Fatalf("the first tab: %d to %q, cookies %v", r.status, r.location, r.setCookies())
	}
	if again.Get("nonce") == one.Get("nonce") || again.Get("state") == one.Get("state") || again.Get("nonce") == two.Get("nonce") {
		t.Errorf("asked again with %v", again)
	}
	if e := g.log.last(t); e.Code != signinlog.ProviderFailed || e.Detail != "id_token has another nonce" {
		t.Errorf("log: %+v", e)
	}
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = nil })
	if r := b.callback(again); !stays(r.location) || !strings.Contains(r.location, "one") {
		t.Errorf("then: %d to %q", r.status, r.location)
	}
}

// TestConsentInStepUp: a provider that wants consent in the middle of a step-up gets it, and the step-up goes on as one:
// it asks for credentials still, and the session keeps its answer and its end (X21, X23, A13).
func TestConsentInStepUp(t *testing.T) {
	g := mfaGateway(t)
	b := g.browser()
	b.signIn("yes")
	g.demand = &oidc.Demand{MFA: true, ACRs: []string{"urn:gold"}}
	asked := b.toProvider("/danger")
	r := b.get(browser.Base + "/callback?" + url.Values{"state": {asked.Get("state")}, "error": {"consent_required"}}.Encode())
	again := query(t, r.location)
	if again.Get("prompt") != "login consent" || again.Get("acr_values") != "urn:gold" {
		t.Errorf("asked %v", again)
	}
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"amr": []string{"mfa"}, "acr": "urn:gold"} })
	if r := b.callback(again); r.location != "/danger" || g.log.last(t).PromptReason != prompt.ReasonLiveSession {
		t.Errorf("after consent: %d to %q, %s", r.status, r.location, g.log.last(t).PromptReason)
	}
	if r := b.get("/danger"); r.body != "app: ada persistent" {
		t.Errorf("app: %d %q", r.status, r.body)
	}
}

// TestLongReturn: whatever page was asked for, the flow's cookie is one that browsers keep (RFC 6265bis, section 5.6:
// 4096 bytes of name and value).
func TestLongReturn(t *testing.T) {
	g, bound := newGateway(t), demanding(t, true, "DPoP")
	for what, page := range map[string]string{
		"plain":      "/?" + strings.Repeat("a", browser.MaxReturn-2),
		"parameters": "/?" + strings.Repeat("&a", 500),
		"quotes":     "/?" + strings.Repeat(`%22"`, 480),
		"with a key": "/?" + strings.Repeat(`%22"`, 480),
	} {
		b := g.browser()
		if what == "with a key" {
			b = bound.browser()
		}
		asked := b.toProvider(page)
		name := browser.FlowCookie + asked.Get("state")[:browser.FlowNameSize]
		if c := b.cookie(name); c == nil || len(c.Name)+len(c.Value)+len(browser.HostPrefix) > browser.MaxCookieValue {
			t.Errorf("%s: a cookie that no browser keeps", what)
		}
		if r := b.callback(asked); !stays(r.location) {
			t.Errorf("%s: callback: %d to %q", what, r.status, r.location)
		}
	}
}

// TestIssuerInResponse holds RFC 9207: an answer of another issuer is a mix-up, and so is a missing iss where it is
// promised.
func TestIssuerInResponse(t *testing.T) {
	for name, c := range map[string]struct {
		promised bool
		iss      string
		good     bool
	}{
		"right": {true, "self", true}, "right, not promised": {false, "self", true}, "absent, not promised": {false, "", true},
		"absent": {true, "", false}, "another": {true, "https://evil.example", false}, "another, not promised": {false, "https://evil.example", false},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, func(s *settings) {
				s.idp = oidctest.New(t, s.clock.Now)
				s.idp.Metadata = map[string]any{"authorization_response_iss_parameter_supported": c.promised}
			})
			b := g.browser()
			asked := b.toProvider("/")
			q := url.Values{"state": {asked.Get("state")}, "code": {asked.Get("nonce")}}
			if c.iss == "self" {
				q.Set("iss", g.idp.URL)
			} else if c.iss != "" {
				q.Set("iss", c.iss)
			}
			r := b.get(browser.Base + "/callback?" + q.Encode())
			if good := stays(r.location); good != c.good {
				t.Errorf("%d to %q", r.status, r.location)
			}
			if !c.good && g.idp.Count("/token") != 0 {
				t.Error("the code was redeemed")
			}
		})
	}
}
