package signin

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// TestYes holds K1 to K3 and K6: prompt after the callback, no session before the answer, a cookie with a lifetime
// after Yes.
func TestYes(t *testing.T) {
	b := newGateway(t).browser()
	asked := b.toProvider("/page?x=1")
	for key, want := range map[string]string{
		"response_type": "code", "client_id": oidctest.Client, "code_challenge_method": "S256", "redirect_uri": b.URL + browser.Base + "/callback",
		"scope": "openid profile email offline_access",
	} {
		if asked.Get(key) != want {
			t.Errorf("%s = %q, want %q", key, asked.Get(key), want)
		}
	}
	if len(asked.Get("nonce")) < 22 || len(asked.Get("state")) < 22 || len(asked.Get("code_challenge")) != 43 {
		t.Errorf("short randomness: %v", asked)
	}
	r := b.callback(asked)
	if r.status != http.StatusSeeOther || !stays(r.location) {
		t.Fatalf("callback: %d to %q", r.status, r.location)
	}
	// K3: pending is not signed in; opening a page leads to the prompt, a script gets 401.
	if r := b.get("/page"); !stays(r.location) {
		t.Errorf("a page while pending: %d to %q", r.status, r.location)
	}
	if r := b.do(http.MethodGet, "/page", nil, "Accept", "*/*"); r.status != http.StatusUnauthorized {
		t.Errorf("a script while pending: %d", r.status)
	}
	if b.passed.Load() != 0 || b.cookie(browser.SessionCookie) != nil {
		t.Fatal("there is a session before the answer")
	}
	r = b.answer(b.get(browser.Base+"/stay"), "yes")
	if r.status != http.StatusOK || !strings.Contains(r.header.Get("Refresh"), "/page?x=1") {
		t.Fatalf("answer: %d, Refresh %q", r.status, r.header.Get("Refresh"))
	}
	c := r.setCookies()[browser.SessionCookie]
	if want := int(session.DefaultLimits.Persistent.Max / time.Second); c == nil || c.MaxAge < want-5 || c.MaxAge > want {
		t.Errorf("session cookie %v, want a lifetime of %d s", c, want)
	}
	if r := b.get("/page"); r.body != "app: ada persistent" {
		t.Errorf("app: %d %q", r.status, r.body)
	}
	rec := b.log.last(t)
	if rec.Code != signinlog.Success || rec.PromptReason != prompt.ReasonAnsweredYes || rec.SessionID == "" || rec.UserName != "ada" {
		t.Errorf("log: %+v", rec)
	}
	if form := b.idp.LastToken; form.Get("code_verifier") == "" || form.Get("redirect_uri") != asked.Get("redirect_uri") {
		t.Errorf("token request: %v", form)
	}
}

// TestNo holds K5 and X4: no lifetime in the browser, and an idle limit on the server all the same (X7).
func TestNo(t *testing.T) {
	b := newGateway(t).browser()
	c := b.answer(b.prompted("/"), "no").setCookies()[browser.SessionCookie]
	if c == nil || c.MaxAge != 0 || !c.Expires.IsZero() {
		t.Fatalf("session cookie %v, want none of the lifetimes", c)
	}
	if r := b.get("/"); r.body != "app: ada browser" {
		t.Errorf("app: %d %q", r.status, r.body)
	}
	b.clock.Advance(session.DefaultLimits.Browser.Idle)
	r := b.get("/")
	if r.status != http.StatusSeeOther || r.setCookies()[browser.SessionCookie] == nil || r.setCookies()[browser.SessionCookie].MaxAge >= 0 {
		t.Errorf("after the idle limit: %d, cookie %v", r.status, r.setCookies()[browser.SessionCookie])
	}
}

// TestCancelAndAbandon hold K17 to K20 and L9: N answered and M abandoned prompts leave exactly M entries of 50140.
func TestCancelAndAbandon(t *testing.T) {
	const abandonAfter = 5 * time.Second
	g := newGateway(t, func(s *settings) { s.prompt.AbandonAfter = abandonAfter })
	yes, no, cancel, silent, anew := g.browser(), g.browser(), g.browser(), g.browser(), g.browser()
	yes.signIn("yes")
	no.signIn("no")
	if r := cancel.answer(cancel.prompted("/"), "cancel"); !strings.Contains(r.body, "cancelled") {
		t.Errorf("cancel: %d %s", r.status, r.body)
	}
	if n := g.log.count(signinlog.KeepMeSignedIn); n != 1 {
		t.Fatalf("%d entries after a cancel, want 1", n)
	}
	anew.prompted("/")
	anew.get(browser.Base + "/sign-in?return=/")
	if n := g.log.count(signinlog.KeepMeSignedIn); n != 2 {
		t.Fatalf("%d entries after beginning anew, want 2", n)
	}
	started := g.clock.Now()
	page := silent.prompted("/late")
	g.clock.Advance(abandonAfter)
	storetest.Until(t, "the abandoned prompts are logged", func() bool { return g.log.count(signinlog.KeepMeSignedIn) == 3 })
	rec := g.log.last(t)
	if rec.Code.Reason() != `This error occurred due to "Keep me signed in" interrupt when the user was signing in.` ||
		rec.Code.Status() != "interrupted" || rec.PolicyStatus != "" || !rec.Created.Equal(started.Truncate(time.Millisecond)) {
		t.Errorf("entry: %+v", rec)
	}
	// A8: a late answer gets a fresh sign-in, not a session.
	if r := silent.answer(page, "yes"); r.setCookies()[browser.SessionCookie] != nil || !strings.Contains(r.body, "/.latchkey/sign-in?return=%2Flate") {
		t.Errorf("late answer: %d %s", r.status, r.body)
	}
	if n := g.log.count(signinlog.KeepMeSignedIn); n != 3 {
		t.Errorf("%d entries in the end, want 3", n)
	}
}

// TestAnswerTwice holds A9: the second answer changes nothing and leads where the first did.
func TestAnswerTwice(t *testing.T) {
	b := newGateway(t).browser()
	page := b.prompted("/page")
	pending := b.cookie(browser.PendingCookie)
	b.answer(page, "yes")
	u, err := url.Parse(b.URL)
	if err != nil {
		t.Fatal(err)
	}
	b.client.Jar.SetCookies(u, []*http.Cookie{pending})
	r := b.answer(page, "no")
	if r.setCookies()[browser.SessionCookie] != nil || !strings.Contains(r.header.Get("Refresh"), "/page") {
		t.Errorf("second answer: %d %q, cookies %v", r.status, r.header.Get("Refresh"), r.setCookies())
	}
	if r := b.get("/"); r.body != "app: ada persistent" {
		t.Errorf("app: %q", r.body)
	}
}

// TestRemember holds A10: the answer is kept for this browser and person, survives sign-out, and belongs to one person.
func TestRemember(t *testing.T) {
	g := newGateway(t, func(s *settings) { s.prompt.SharedUsers = 0 })
	b := g.browser()
	b.signIn("yes", "remember", "1")
	b.signOut()
	if r := b.callback(b.toProvider("/")); r.location != "/" {
		t.Fatalf("asked again: %d to %q", r.status, r.location)
	}
	if r := b.get("/"); r.body != "app: ada persistent" || g.log.last(t).PromptReason != prompt.ReasonRemembered {
		t.Errorf("app %q, reason %s", r.body, g.log.last(t).PromptReason)
	}
	b.signOut()
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": "s-2"} })
	if r := b.callback(b.toProvider("/")); !stays(r.location) {
		t.Errorf("somebody else's answer was used: %q", r.location)
	}
	b.answer(b.get(browser.Base+"/stay"), "cancel")
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = nil })
	g.clock.Advance(181 * 24 * time.Hour)
	if r := b.callback(b.toProvider("/")); !stays(r.location) {
		t.Errorf("remembered past its end: %q", r.location)
	}
}

func (b *testBrowser) signOut() {
	b.t.Helper()
	page := b.get(browser.Base + "/sign-out")
	r := b.do(http.MethodPost, browser.Base+"/sign-out", url.Values{"csrf": {csrf(page.body)}})
	if r.status != http.StatusOK || r.setCookies()[browser.SessionCookie] == nil {
		b.t.Fatalf("sign-out: %d %s", r.status, r.body)
	}
}

// TestSettingOff holds K7, K22 and X16: with the setting off no user is asked, and persistence ends at the next
// request.
func TestSettingOff(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	b.signIn("yes")
	g.service.Prompt.Off = true
	r := b.get("/")
	if c := r.setCookies()[browser.SessionCookie]; r.body != "app: ada browser" || c == nil || c.MaxAge != 0 {
		t.Errorf("app %q, cookie %v", r.body, c)
	}
	other := g.browser()
	if r := other.callback(other.toProvider("/")); r.location != "/" || r.setCookies()[browser.SessionCookie].MaxAge != 0 {
		t.Errorf("asked although the setting is off: %q", r.location)
	}
	if g.log.last(t).PromptReason != prompt.ReasonSettingOff {
		t.Errorf("reason %q", g.log.last(t).PromptReason)
	}
}

// TestPlainHTTP: on plain http no user is signed in except on a loopback host, whatever cookie comes: an attacker on
// the way may have set it.
func TestPlainHTTP(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	b.signIn("yes")
	_, token := b.loaded()
	for host, want := range map[string]bool{"wiki.example.com": false, "localhost": true, "127.0.0.1": true} {
		v := &access.Visit{Site: g.site, Host: host, Cookies: browser.Cookies{Session: session.SealToken(g.service.Keys, token, host, browser.SessionCookie)}}
		_, _, err := g.service.Record(httptest.NewRequest(http.MethodGet, "/", nil), v)
		if (err == nil) != want || err != nil && (!access.NoSession(err) || access.Over(err)) {
			t.Errorf("%s: %v", host, err)
		}
	}
}
