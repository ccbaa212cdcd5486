package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

var transports = []struct {
	name  string
	https bool
}{{"http on loopback", false}, {"https with an internal authority", true}}

// K1, K2, K3: yes is asked after the provider is done, makes a cookie with a lifetime, and outlives the browser. Until
// the answer there is neither a session nor a way to the app.
func TestYesSurvivesARestartOfTheBrowser(t *testing.T) {
	t.Parallel()
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			s := newSite(t, config{https: tr.https})
			b := s.lastingBrowser()
			s.begin(b.Page, "/deep/page?x=1&y=a%20b", "alice")
			s.atPrompt(b.Page)
			if !strings.HasPrefix(b.URL(), s.url("/.latchkey/stay")) {
				t.Errorf("the prompt is at %s", b.URL())
			}
			if r := s.api(s.borrow(b), "/api"); r.StatusCode != 401 {
				t.Errorf("K3: a request beside the pending prompt got %d", r.StatusCode)
			}
			if n := s.sessions(); n != 0 {
				t.Errorf("K3: %d session records before the answer", n)
			}
			if _, ok := b.Cookie(s.cookie("")); ok {
				t.Error("K3: a session cookie before the answer")
			}
			if s.app.Hits() != 0 {
				t.Errorf("K3: %d requests reached the app before the answer", s.app.Hits())
			}
			at := b.Click("Yes")
			if at.URL != s.url("/deep/page?x=1&y=a%20b") || at.Status != 200 {
				t.Errorf("after the answer: %+v", at)
			}
			s.atApp(b.Page)
			c, ok := b.Cookie(s.cookie(""))
			checkAttributes(t, s, c, ok)
			if c.Expires < 0 {
				t.Error("K2: a cookie without a lifetime")
			}
			if n := s.sessions(); n != 1 {
				t.Errorf("%d session records, want 1", n)
			}
			for _, name := range []string{"-pending", "-flow-"} {
				for _, c := range b.Cookies() {
					if strings.HasPrefix(c.Name, s.cookie(name)) {
						t.Errorf("left behind: %s", c.Name)
					}
				}
			}
			seen := s.idp.Hits("authorize")
			b.Restart()
			if at := b.Goto(s.url("/later")); at.URL != s.url("/later") || at.Status != 200 {
				t.Errorf("after the restart: %+v", at)
			}
			s.atApp(b.Page)
			if got := s.idp.Hits("authorize"); got != seen {
				t.Errorf("the provider was asked %d more times", got-seen)
			}
			if s.app.Asked("/later") != 1 {
				t.Error("the request did not reach the app")
			}
		})
	}
}

// K5: no makes a cookie without a lifetime, and the next start of the browser begins at the provider.
func TestNoEndsWithTheBrowser(t *testing.T) {
	t.Parallel()
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			s := newSite(t, config{https: tr.https})
			b := s.lastingBrowser()
			s.signIn(b.Page, "/", "alice", "No")
			c, ok := b.Cookie(s.cookie(""))
			checkAttributes(t, s, c, ok)
			if c.Expires != -1 {
				t.Errorf("the cookie has a lifetime: %v", c.Expires)
			}
			if at := b.Goto(s.url("/still")); at.Status != 200 {
				t.Errorf("in the same browser: %+v", at)
			}
			s.atApp(b.Page)
			seen := s.idp.Hits("authorize")
			b.Restart()
			b.Goto(s.url("/later"))
			s.atProvider(b.Page)
			if got := s.idp.Hits("authorize"); got != seen+1 {
				t.Errorf("the provider was asked %d times, want once", got-seen)
			}
			if s.app.Asked("/later") != 0 {
				t.Error("a request reached the app after the session had ended")
			}
		})
	}
}

func checkAttributes(t *testing.T, s *site, c rig.Cookie, ok bool) {
	t.Helper()
	if !ok {
		t.Fatalf("no cookie %s", s.cookie(""))
	}
	if !c.HTTPOnly || c.SameSite != "Lax" || c.Path != "/" || c.Domain != s.host() || c.Secure != s.c.https {
		t.Errorf("attributes: %+v", c)
	}
	if len(c.Value) > 120 {
		t.Errorf("the cookie has %d bytes, more than 120", len(c.Value))
	}
}

// X2, A10: "Don't show this again" keeps the answer for this person in this browser, over sign-outs.
func TestAnswerIsRemembered(t *testing.T) {
	t.Parallel()
	// Two people in one browser make it a shared device by default, which would hide the prompt by itself (K14).
	s := newSite(t, config{app: "stay_signed_in {\nshared_device 9 7d\n}"})
	b := s.browser()
	s.begin(b.Page, "/", "alice")
	b.Check("Don’t show this again")
	b.Click("Yes")
	s.atApp(b.Page)
	b.Goto(s.url("/.latchkey/sign-out"))
	b.Click("Sign out")
	b.Goto(s.url("/"))
	s.atProvider(b.Page)
	b.Click("alice")
	s.atApp(b.Page)
	if c, _ := b.Cookie(s.cookie("")); c.Expires < 0 {
		t.Error("the remembered yes made a session that ends with the browser")
	}
	b.ClearCookies(s.cookie(""))
	s.begin(b.Page, "/", "adam")
	s.atPrompt(b.Page)
}

// Without scripts everything works, from the first page to sign-out.
func TestWithoutJavaScript(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	b := rig.NewBrowser(t, rig.BrowserOptions{NoJavaScript: true})
	s.signIn(b.Page, "/plain", "alice", "Yes")
	b.Goto(s.url("/.latchkey/sign-out"))
	b.Click("Sign out")
	b.Goto(s.url("/plain"))
	s.atProvider(b.Page)

	// Field trial 1.11: an address of the longest that is kept comes back whole, in a browser that holds cookies to their limit.
	// Of a longer one the user is told.
	long := s.url("/plain?q=")
	long += strings.Repeat("x", 2560-len("/plain?q="))
	s.signIn(b.Page, strings.TrimPrefix(long, s.url("")), "alice", "Yes")
	if at := b.URL(); at != long {
		t.Errorf("at %.100s (%d bytes), want %d bytes", at, len(at), len(long))
	}
	b.Goto(s.url("/.latchkey/sign-out"))
	b.Click("Sign out")
	b.Goto(long + "x")
	b.Click("alice")
	s.atPrompt(b.Page)
	if text := b.Text(); !strings.Contains(text, "too long to be kept") {
		t.Errorf("the prompt: %s", text)
	}
	b.Click("Yes")
	if text := b.Text(); !strings.Contains(text, "The address was too long") {
		t.Errorf("after the answer: %s", text)
	}
	b.Click("Continue")
	s.atApp(b.Page)
	if at := b.URL(); at != s.url("/plain") {
		t.Errorf("the link leads to %.100s", at)
	}
}

// K6: a person who says no at the provider sees neither prompt nor app, and has no session.
func TestDeclinedAtTheProvider(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	r := c.Press(c.Follow(c.Get(s.url("/")), nil), "Cancel")
	if isPrompt(r) || isApp(r) || r.StatusCode < 400 || r.StatusCode > 499 {
		t.Errorf("got %d: %s", r.StatusCode, r.Text)
	}
	if c.Cookie(s.host(), s.cookie("")) != "" || s.sessions() != 0 || s.app.Hits() != 0 {
		t.Error("something came of a declined sign-in")
	}
}

// The provider answers by form_post, a POST from another site: it works, with no cookie that travels across sites.
func TestFormPost(t *testing.T) {
	t.Parallel()
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) { formPost(t, tr.https) })
	}
}

func formPost(t *testing.T, https bool) {
	s := newSite(t, config{https: https, provider: "auth_param response_mode form_post"})
	b := s.browser()
	b.Goto(s.url("/posted?q=1"))
	s.atProvider(b.Page)
	for _, c := range b.Cookies() {
		if strings.HasPrefix(c.Name, s.cookie("")) && c.SameSite != "Lax" {
			t.Errorf("cookie: %+v", c)
		}
	}
	b.Click("alice")
	b.WaitURL("/.latchkey/stay")
	s.atPrompt(b.Page)
	if at := b.Click("Yes"); at.URL != s.url("/posted?q=1") {
		t.Errorf("after the answer: %+v", at)
	}
	s.atApp(b.Page)
	c, ok := b.Cookie(s.cookie(""))
	checkAttributes(t, s, c, ok)
}

// Claims that only userinfo has arrive all the same; the client may authenticate in the body.
func TestClaimsFromUserInfo(t *testing.T) {
	t.Parallel()
	no := false
	s := newSite(t, config{site: "allow group admins", idp: func(c *rig.IDPConfig) {
		c.IDTokenClaims = &no
		c.Clients[0].AuthMethod = "client_secret_post"
	}})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "adam", "Yes")
	if h := s.app.Last(t).Header; h.Get("Remote-User") != "adam" || h.Get("Remote-Groups") != "staff,admins" {
		t.Errorf("the app saw %v", h)
	}
	if s.idp.Hits("userinfo") == 0 {
		t.Error("userinfo was not asked")
	}
	if got := s.idp.Last("token").Params["auth"]; got != "client_secret_post" {
		t.Errorf("client authentication by %v", got)
	}
}

// PKCE S256, state and nonce travel with every authorization request, and the secret in the header by default.
func TestAuthorizationRequest(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	q := firstAuthorize(t, s.idp)
	if q["code_challenge_method"] != "S256" || len(q["code_challenge"]) != 43 || len(q["state"]) < 22 || len(q["nonce"]) < 22 {
		t.Errorf("authorization request: %v", q)
	}
	if q["response_type"] != "code" || q["redirect_uri"] != s.url("/.latchkey/callback") || !strings.Contains(q["scope"], "openid") {
		t.Errorf("authorization request: %v", q)
	}
	if got := s.idp.Last("token").Params["auth"]; got != "client_secret_basic" {
		t.Errorf("client authentication by %v", got)
	}
}

func firstAuthorize(t *testing.T, p *rig.IDP) map[string]string {
	t.Helper()
	for _, r := range p.State().Requests {
		if r.Endpoint == "authorize" && r.Query["client_id"] != "" {
			return r.Query
		}
	}
	t.Fatal("no authorization request")
	return nil
}

// A provider that shares no code with the certified one works by configuration alone.
func TestSecondProvider(t *testing.T) {
	t.Parallel()
	o := rig.NewOdd(t)
	s := newSite(t, config{issuer: o.Issuer})
	c := rig.NewHTTP(t)
	r := s.enter(c, "/x", "odd", "Yes")
	if !isApp(r) {
		t.Fatalf("%d at %s: %s", r.StatusCode, r.At, r.Text)
	}
	if h := s.app.Last(t).Header; h.Get("Remote-User") != "odd" || h.Get("Remote-Groups") != "staff" {
		t.Errorf("the app saw %v", h)
	}
}

// A single-page app has every page rewritten to one, before anybody is asked who they are. Signing in works all the
// same, to the page that was asked for, and out again.
func TestBehindTryFiles(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "index.html"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, config{before: "root " + root + "\n\ttry_files {path} /index.html"})
	c := rig.NewHTTP(t)
	s.entered(c, "/orders/7?tab=2", "alice", "Yes")
	if got := s.app.Last(t); got.URI != "/index.html?tab=2" {
		t.Errorf("the app was asked for %s", got.URI)
	}
	if r := c.Get(s.url("/.latchkey/sign-out")); r.StatusCode != 200 || !r.HasButton(t, "Sign out") {
		t.Errorf("sign-out: %d %s", r.StatusCode, r.Text)
	}
}
