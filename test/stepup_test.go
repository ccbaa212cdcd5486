package e2e

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// mfaForAll demands a second factor of all users.
const mfaForAll = "policy second-factor {\nrequire mfa\n}"

// stepPeople are people whose sign-in yields more, or less, when the gateway asks for more.
func stepPeople() map[string]rig.Claims {
	all := people()
	all["mia"] = rig.Claims{"name": "Mia Sun", "preferred_username": "mia", "asked": rig.Claims{"amr": []string{"pwd", "otp"}}}
	all["acme"] = rig.Claims{"preferred_username": "acme", "asked": rig.Claims{"acr": "mfa"}}
	all["carl"] = rig.Claims{"preferred_username": "carl", "acrs": []string{"c1"}}
	all["otto"] = rig.Claims{"preferred_username": "otto", "auth_age": 3600, "asked": rig.Claims{"auth_age": 0}}
	all["lars"] = rig.Claims{"preferred_username": "lars", "auth_age": 3600} // deaf to max_age
	all["timo"] = rig.Claims{"preferred_username": "timo", "auth_age": 200}
	return all
}

func stepSite(t *testing.T, c config) *site {
	t.Helper()
	c.users = stepPeople()
	c.idp = func(ic *rig.IDPConfig) { ic.ExtraClaims = []string{"acrs"} }
	return newSite(t, c)
}

// atForm follows to the provider's form and returns it with the last authorization request.
func (s *site) atForm(c *rig.HTTP, r rig.Reply) (form rig.Reply, asked map[string]string) {
	s.t.Helper()
	r = c.Follow(r, nil)
	if !strings.Contains(r.Text, "who are you?") {
		s.t.Fatalf("no way to the provider: %d at %s\n%s", r.StatusCode, r.At, r.Text)
	}
	return r, s.lastAsked()
}

// lastAsked returns the newest authorization request; the provider's own redirects to its endpoint are none.
func (s *site) lastAsked() (query map[string]string) {
	s.t.Helper()
	for _, r := range s.idp.State().Requests {
		if r.Endpoint == "authorize" && r.Query["client_id"] != "" {
			query = r.Query
		}
	}
	return query
}

// A12, X21, X23: who must show a second factor is sent to the provider with what asks for it, comes back to the page
// they asked for, is not asked "Stay signed in?" a second time, keeps the answer, and has another cookie. The old cookie is dead.
func TestStepUpOfALiveSession(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, user, provider, answer, wantParam, wantValue string }{
		{"amr, Yes", "mia", "", "Yes", "prompt", "login"},
		{"amr, No", "mia", "", "No", "prompt", "login"},
		{"acr, Yes", "acme", "mfa_acr mfa", "Yes", "acr_values", "mfa"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := stepSite(t, config{provider: tt.provider})
			c := rig.NewHTTP(t)
			s.entered(c, "/", tt.user, tt.answer)
			before := c.Cookie(s.host(), s.cookie(""))
			thief := c.Copy(t)
			if err := s.reload(func(c *config) { c.app = mfaForAll }); err != nil {
				t.Fatal(err)
			}
			form, asked := s.atForm(c, c.Get(s.url("/deep/page?a=1&b=%2F")))
			if asked[tt.wantParam] != tt.wantValue {
				t.Errorf("asked for %v, want %s=%s", asked, tt.wantParam, tt.wantValue)
			}
			if c.Cookie(s.host(), s.cookie("")) != before {
				t.Error("the session's cookie changed before anything was shown")
			}
			var cookie *http.Cookie
			r := c.Send(form.Form(t, tt.user))
			for r.Location() != nil {
				for _, ck := range r.Cookies() {
					if ck.Name == s.cookie("") && ck.Value != "" {
						cookie = ck
					}
				}
				r = c.Get(r.Location().String())
			}
			if !isApp(r) || r.At.RequestURI() != "/deep/page?a=1&b=%2F" {
				t.Fatalf("came back to %s: %d\n%s", r.At, r.StatusCode, r.Text)
			}
			if cookie == nil || cookie.Value == before {
				t.Fatal("the session's id has not changed")
			}
			if lasts := cookie.MaxAge > 0; lasts != (tt.answer == "Yes") {
				t.Errorf("X21: answered %s, Max-Age %d", tt.answer, cookie.MaxAge)
			}
			if !s.alive(c) {
				t.Error("refused after the step-up")
			}
			s.mustBeDead(thief, "the cookie from before the step-up")
			if n := s.sessions(); n != 1 {
				t.Errorf("%d sessions, want 1", n)
			}
		})
	}
}

// F3, A12: a policy that holds already at sign-in asks once more, with what asks for it, and who meets it is in.
func TestRequireAtSignIn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, user, app, provider string }{
		{"mfa by amr", "mia", mfaForAll, ""},
		{"mfa by acr", "acme", mfaForAll, "mfa_acr mfa"},
		{"acr by value", "acme", "policy p {\nrequire acr:mfa\n}", ""},
		{"acr by Entra's claim acrs", "carl", "policy p {\nrequire acr:c1\n}", ""},
		{"one of two is enough", "acme", "policy p {\nrequire_any mfa acr:mfa\n}", "mfa_acr mfa"},
		{"a fresh sign-in", "otto", "policy p {\nsign_in_frequency 30m\n}", ""},
		{"F7: within the five minutes", "timo", "policy p {\nsign_in_frequency every_time\n}", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := stepSite(t, config{app: tt.app, provider: tt.provider})
			c := rig.NewHTTP(t)
			r := s.enter(c, "/x", tt.user, "Yes")
			if r.HasButton(t, tt.user) {
				r = c.Press(r, tt.user)
				if isPrompt(r) {
					r = c.Press(r, "Yes")
				}
			}
			if !isApp(r) || !s.alive(c) {
				t.Fatalf("%d at %s\n%s", r.StatusCode, r.At, r.Text)
			}
		})
	}
}

// A11, A12, L8: a provider that ignores what it is asked for is asked once more and then not again: the page is a 403
// that names the claim. No session comes of it, and all entries of the attempt have one correlation id.
func TestProviderIgnoresTheDemand(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, user, app, claim string
		code                   int
	}{
		{"no second factor", "alice", mfaForAll, "amr", 50076},
		{"no acr", "alice", "policy p {\nrequire acr:gold\n}", "acr", 50076},
		{"no context of Entra's", "alice", "policy p {\nrequire acr:c7\n}", "acrs", 50076},
		{"no younger authentication", "lars", "policy p {\nsign_in_frequency 30m\n}", "auth_time", 70044},
		{"no authentication every time", "lars", "policy p {\nsign_in_frequency every_time\n}", "auth_time", 70046},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := stepSite(t, config{app: tt.app})
			c := rig.NewHTTP(t)
			r := c.Follow(c.Get(s.url("/x")), nil)
			forms := 0
			for r.HasButton(t, tt.user) && forms < 10 {
				forms++
				r = c.Press(r, tt.user)
			}
			if r.StatusCode != 403 || !strings.Contains(r.Text, ">"+tt.claim+"<") {
				t.Fatalf("%d at %s, want 403 naming %s\n%s", r.StatusCode, r.At, tt.claim, r.Text)
			}
			if forms > 3 {
				t.Errorf("%d sign-ins at the provider, want at most a first, one that asks and one retry", forms)
			}
			if again := s.lastAsked(); again["prompt"] != "login" {
				t.Errorf("the retry does not insist: %v", again)
			}
			if s.sessions() != 0 || c.Cookie(s.host(), s.cookie("")) != "" || s.alive(c) {
				t.Error("a session was made all the same")
			}
			// The second try ends like the first, so it is counted with it and logged later (field trial 2.6).
			rig.Until(t, rig.Patience, "an entry for the tries", func() bool { return len(s.gw.SignInLog()) >= 1 })
			ids := map[string]bool{}
			for _, e := range s.gw.SignInLog() {
				ids[e.Text("correlationId")] = true
				// That a demand was not met is 50074, whatever demanded it.
				if c := e.Code(); c != tt.code && c != 50074 || e.Text("signInStatus") != "interrupted" {
					t.Errorf("%d, %s", c, e.Text("signInStatus"))
				}
			}
			if len(ids) != 1 {
				t.Errorf("%d correlation ids in one attempt: %v", len(ids), s.gw.SignInLog())
			}
		})
	}
}

// A12 in a browser: the page after a failed step-up says what is missing, offers another try, is accessible, and the
// session from before is what it was.
func TestStepUpFailsInABrowser(t *testing.T) {
	t.Parallel()
	s := stepSite(t, config{})
	b := s.browser()
	s.signIn(b.Page, "/", "alice", "No")
	was, _ := b.Cookie(s.cookie(""))
	if err := s.reload(func(c *config) { c.app = "policy vault {\nmatch {\npath /vault/*\n}\nrequire mfa\n}" }); err != nil {
		t.Fatal(err)
	}
	b.Goto(s.url("/vault/x"))
	s.atProvider(b.Page)
	// Asked with prompt=login and answered without a second factor: the same request again would be in vain (field trial 4.7).
	at := b.Click("alice")
	if text := b.Text(); at.Status != 403 || !strings.Contains(text, "amr") || !b.Has("Sign in more strongly") {
		t.Fatalf("%d at %s: %s", at.Status, at.URL, text)
	}
	if findings := b.Axe(); len(findings) > 0 {
		t.Errorf("axe: %v", findings)
	}
	if now, ok := b.Cookie(s.cookie("")); !ok || now.Value != was.Value {
		t.Error("the session from before is not what it was")
	}
	b.Goto(s.url("/open"))
	s.atApp(b.Page)
}

// F5: what is no page being opened is told, in a form that a script can read, and never redirected; a form is not sent
// on after a sign-in; the session stays, and the next navigation goes to the provider.
func TestStepUpOfWhatIsNoNavigation(t *testing.T) {
	t.Parallel()
	s := stepSite(t, config{})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "otto", "Yes")
	for _, tt := range []struct {
		app, reason string
		challenge   []string
	}{
		{mfaForAll, "mfa_required", nil},
		{"policy p {\nrequire acr:gold\n}", "acr_required", []string{`acr_values="gold"`}},
		{"policy p {\nsign_in_frequency 30m\n}", "sign_in_frequency", []string{`max_age="1800"`}},
		{"policy p {\nsign_in_frequency every_time\n}", "sign_in_every_time", []string{`max_age="0"`}},
		{"policy p {\nrequire mfa\n}\npolicy q {\nsign_in_frequency 10m\n}\npolicy r {\nsign_in_frequency 2h\n}", "mfa_required", []string{`max_age="600"`}},
	} {
		if err := s.reload(func(c *config) { c.app = tt.app }); err != nil {
			t.Fatal(err)
		}
		before := s.app.Hits()
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			r := c.Do(rig.Call{Method: method, URL: s.url("/api"), Header: http.Header{
				"Accept": {"application/json"}, "Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}, "Sec-Fetch-Site": {"same-origin"},
			}})
			challenge := r.Header.Get("WWW-Authenticate")
			if r.StatusCode != 401 || r.Location() != nil || r.Header.Get("Content-Type") != "application/problem+json" ||
				!strings.Contains(r.Text, fmt.Sprintf("%q:%q", "reason", tt.reason)) || !strings.Contains(r.Text, `"sign_in_url"`) ||
				!strings.Contains(challenge, `error="insufficient_user_authentication"`) {
				t.Errorf("%s: %d, %s\n%s", method, r.StatusCode, challenge, r.Text)
			}
			for _, part := range tt.challenge {
				if !strings.Contains(challenge, part) {
					t.Errorf("%s: WWW-Authenticate %q lacks %s", tt.reason, challenge, part)
				}
			}
		}
		form := c.Do(rig.Call{URL: s.url("/send"), Form: map[string][]string{"a": {"1"}}, Navigate: true, Header: http.Header{
			"Origin": {s.origin()}, "Sec-Fetch-Site": {"same-origin"},
		}})
		if form.Location() != nil || form.StatusCode < 400 || isApp(form) {
			t.Errorf("a form: %d to %v", form.StatusCode, form.Location())
		}
		if n := s.app.Hits() - before; n != 0 {
			t.Errorf("%d requests reached the app", n)
		}
		s.atForm(c, c.Get(s.url("/next")))
	}
	if err := s.reload(func(c *config) { c.app = "" }); err != nil {
		t.Fatal(err)
	}
	if !s.alive(c) {
		t.Error("the session did not outlive the demands")
	}
}

// F4, F5: the frequency runs from the authentication at the provider; use does not extend it. What was admitted before
// is not cut, a script is told afterwards, and the next page asks with max_age.
func TestFrequencyRunsFromAuthentication(t *testing.T) {
	t.Parallel()
	const every = 5 * time.Second
	s := stepSite(t, config{app: "session {\nbrowser {\nidle_limit 1h\nmax_lifetime 2h\n}\n}\npolicy p {\nsign_in_frequency 5s\n}"})
	c := rig.NewHTTP(t)
	form, _ := s.atForm(c, c.Get(s.url("/")))
	authenticated := time.Now().Truncate(time.Second) // auth_time counts whole seconds
	r := c.Press(form, "alice")
	if isPrompt(r) {
		r = c.Press(r, "Yes")
	}
	if !isApp(r) {
		t.Fatalf("%d at %s\n%s", r.StatusCode, r.At, r.Text)
	}
	body, feed := io.Pipe()
	upload := make(chan rig.Reply, 1)
	uploader := c.Copy(t)
	go func() {
		r, err := uploader.Try(rig.Call{URL: s.url("/upload"), Body: body, Header: http.Header{
			"Content-Type": {"application/octet-stream"}, "Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}, "Sec-Fetch-Site": {"same-origin"},
		}})
		if err != nil {
			t.Errorf("the upload was cut: %v", err)
		}
		upload <- r
	}()
	if _, err := feed.Write([]byte("first half, ")); err != nil {
		t.Fatal(err)
	}
	rig.Until(t, 2*every, "F4: a request is refused in spite of constant use", func() bool { return !isApp(c.Get(s.url("/use"))) })
	if passed := time.Since(authenticated); passed < every {
		t.Errorf("F4: refused after %v", passed)
	}
	if r := s.api(c, "/poll"); r.StatusCode != 401 || !strings.Contains(r.Text, `"reason":"sign_in_frequency"`) || !strings.Contains(r.Text, "70044") {
		t.Errorf("F5: a script got %d: %s", r.StatusCode, r.Text)
	}
	if _, err := feed.Write([]byte("second half")); err != nil {
		t.Errorf("F5: the upload was cut: %v", err)
	}
	_ = feed.Close()
	if r := <-upload; r.Response == nil || r.StatusCode != 200 || !strings.Contains(r.Text, "first half, second half") {
		t.Errorf("F5: the upload got %+v", r)
	}
	form, asked := s.atForm(c, c.Get(s.url("/after")))
	if asked["max_age"] != "5" {
		t.Errorf("asked with max_age %q", asked["max_age"])
	}
	if r := c.Press(form, "alice"); !isApp(r) || r.At.Path != "/after" {
		t.Errorf("after signing in again: %d at %s\n%s", r.StatusCode, r.At, r.Text)
	}
	codes := make([]int, 0, 4)
	for _, e := range s.gw.SignInLog() {
		codes = append(codes, e.Code())
	}
	if !slices.Contains(codes, 70044) {
		t.Errorf("codes %v, want 70044 among them", codes)
	}
}

// F6, F7: every_time asks for credentials, not for a young session of the provider's, and then lets be for five minutes:
// an authentication of 200 seconds ago is fresh, one of an hour ago is not.
func TestEveryTime(t *testing.T) {
	t.Parallel()
	s := stepSite(t, config{})
	fresh, old := rig.NewHTTP(t), rig.NewHTTP(t)
	s.entered(fresh, "/", "timo", "No")
	s.entered(old, "/", "otto", "No")
	if err := s.reload(func(c *config) { c.app = "policy p {\nsign_in_frequency every_time\n}" }); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if r := fresh.Get(s.url("/")); !isApp(r) {
			t.Fatalf("F7: within the tolerance: %d at %v", r.StatusCode, r.Location())
		}
	}
	form, asked := s.atForm(old, old.Get(s.url("/old")))
	if asked["max_age"] != "0" || asked["prompt"] != "login" {
		t.Errorf("F6: asked with %v", asked)
	}
	if r := old.Press(form, "otto"); !isApp(r) {
		t.Fatalf("%d at %s\n%s", r.StatusCode, r.At, r.Text)
	}
	for range 3 { // F6: not at each request
		if r := old.Get(s.url("/")); !isApp(r) {
			t.Fatalf("asked again at once: %d at %v", r.StatusCode, r.Location())
		}
	}
}

// Who has been away for longer than max_idle authenticates anew where the policy applies; elsewhere nothing happened.
func TestMaxIdle(t *testing.T) {
	t.Parallel()
	s := stepSite(t, config{app: "policy desk {\nmatch {\npath /desk/*\n}\nmax_idle 3s\n}"})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	if r := c.Get(s.url("/desk/a")); !isApp(r) {
		t.Fatalf("at once: %d at %v", r.StatusCode, r.Location())
	}
	// Requests of scripts are no use of the session, so that watching it keeps nobody present.
	rig.Until(t, rig.Patience, "an absence is noticed", func() bool { return s.api(c, "/desk/poll").StatusCode == 401 })
	if r := s.api(c, "/desk/poll"); !strings.Contains(r.Text, `"reason":"idle_too_long"`) || !strings.Contains(r.Text, "70008") {
		t.Errorf("a script got %s", r.Text)
	}
	if !s.alive(c) {
		t.Error("the session ended where the policy does not apply")
	}
	form, asked := s.atForm(c, c.Get(s.url("/desk/b")))
	if asked["max_age"] != "3" {
		t.Errorf("asked with %v", asked)
	}
	if r := c.Press(form, "alice"); !isApp(r) || r.At.Path != "/desk/b" {
		t.Errorf("%d at %s\n%s", r.StatusCode, r.At, r.Text)
	}
	s.gw.AwaitSignIns(70008, 1, rig.Patience)
}
