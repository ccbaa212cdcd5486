package e2e

import (
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// settle answers the prompt if a page shows it, and expects the app at the path that the tab asked for.
func settle(t *testing.T, s *site, p *rig.Page, path string) {
	t.Helper()
	if strings.Contains(p.Text(), promptTitle) {
		p.Click("No")
	}
	s.atApp(p)
	if got := p.URL(); got != s.url(path) {
		t.Errorf("the tab is at %s, wanted %s", got, path)
	}
}

// Two tabs begin at once; each ends at its own page, whichever is finished first.
func TestTwoTabs(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"one after the other", "interleaved"} {
		t.Run(order, func(t *testing.T) {
			s := newSite(t, config{})
			b := s.browser()
			first, second := b.Page, b.NewPage()
			first.Goto(s.url("/one"))
			second.Goto(s.url("/two"))
			s.atProvider(first)
			s.atProvider(second)
			first.Click("alice")
			s.atPrompt(first)
			if order == "interleaved" {
				second.Click("alice")
			}
			if order == "one after the other" {
				first.Click("Yes")
				s.atApp(first)
				second.Click("alice")
				settle(t, s, second, "/two")
				return
			}
			settle(t, s, second, "/two")
			// The first prompt was overtaken. Answering it neither fails nor changes the second tab's session.
			cookie, _ := b.Cookie(s.cookie(""))
			first.Click("Yes")
			if strings.Contains(first.Text(), "who are you?") {
				t.Error("a late answer beside a live session led back to the provider")
			}
			if now, _ := b.Cookie(s.cookie("")); now.Expires != cookie.Expires {
				t.Errorf("a late answer changed the session's kind: %v, was %v", now.Expires, cookie.Expires)
			}
			second.Reload()
			s.atApp(second)
		})
	}
}

// Back from the app lands on the spent prompt: the person is signed in, so it leads on to the app.
func TestBackToTheAnsweredPrompt(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	b := s.browser()
	s.signIn(b.Page, "/start", "alice", "No")
	b.Goto(s.url("/next"))
	asked := s.idp.Hits("token")
	for range 3 {
		if at := b.Goto(s.url("/.latchkey/stay")); at.Status != 200 {
			t.Errorf("the spent prompt: %+v", at)
		}
		s.atApp(b.Page)
		b.Back()
	}
	if text := b.Text(); strings.Contains(text, "can’t") {
		t.Errorf("Back leads to an error: %s", text)
	}
	if s.idp.Hits("token") != asked {
		t.Error("Back made another sign-in")
	}
}

// Back from the prompt and forward again is the prompt. To open the app beside it is no way around the answer, and to
// begin anew counts as abandoning it.
func TestBackFromThePrompt(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	b := s.browser()
	s.begin(b.Page, "/start", "alice")
	s.atPrompt(b.Page)
	b.Back()
	b.Forward()
	s.atPrompt(b.Page)
	b.Goto(s.url("/beside"))
	if n := s.app.Asked("/beside"); n != 0 {
		t.Error("K3: the app was reached beside the prompt")
	}
	b.Goto(s.url("/.latchkey/sign-in?return=/anew"))
	s.atProvider(b.Page)
	b.Click("alice")
	s.atPrompt(b.Page)
	b.Click("Yes")
	s.atApp(b.Page)
	s.gw.AwaitSignIns(50140, 1, rig.Patience)
	if n := len(s.gw.SignIns(50140)); n != 1 {
		t.Errorf("%d entries with 50140, want 1", n)
	}
}

// The prompt bears a reload and is answered afterwards; the form, sent twice, signs in once.
func TestPromptReload(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	b := s.browser()
	s.begin(b.Page, "/r", "alice")
	b.Reload()
	s.atPrompt(b.Page)
	b.Click("Yes")
	s.atApp(b.Page)

	c := rig.NewHTTP(t)
	form := s.enter(c, "/r", "adam", "").Form(t, "Yes")
	c.Send(form)
	n := s.sessions()
	r := c.Follow(c.Send(form), nil)
	if !isApp(r) {
		t.Errorf("A9: a second answer: %d at %s", r.StatusCode, r.At)
	}
	if s.sessions() != n {
		t.Errorf("A9: a second answer made another session")
	}
}

// A spent callback, reloaded or reached by Back, goes on to the app when signed in, and never asks the provider again.
func TestSpentCallback(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	callback := s.toCallback(c, "/where?a=b", "alice")
	if r := c.Press(c.Follow(c.Get(callback.String()), nil), "No"); !isApp(r) {
		t.Fatalf("%d %s", r.StatusCode, r.Text)
	}
	tokens := s.idp.Hits("token")
	if r := c.Follow(c.Get(callback.String()), nil); !isApp(r) {
		t.Errorf("spent callback with a live session: %d at %s", r.StatusCode, r.At)
	}
	if !s.alive(c) {
		t.Error("a spent callback ended the session")
	}
	stranger := rig.NewHTTP(t)
	if r := stranger.Get(callback.String()); r.StatusCode < 300 || isApp(r) {
		t.Errorf("a spent callback from a stranger: %d", r.StatusCode)
	}
	if stranger.Cookie(s.host(), s.cookie("")) != "" {
		t.Error("a stranger got a session from a spent callback")
	}
	if got := s.idp.Hits("token"); got != tokens {
		t.Errorf("the token endpoint was asked %d more times", got-tokens)
	}
}

// While the prompt is up, the spent callback leads back to it (reload, or Back and Forward).
func TestSpentCallbackBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	callback := s.toCallback(c, "/where", "alice")
	if r := c.Follow(c.Get(callback.String()), nil); !isPrompt(r) {
		t.Fatalf("%d %s", r.StatusCode, r.Text)
	}
	r := c.Follow(c.Get(callback.String()), nil)
	if !isPrompt(r) {
		t.Fatalf("reload of the callback: %d at %s\n%s", r.StatusCode, r.At, r.Text)
	}
	if r = c.Press(r, "Yes"); !isApp(r) || r.At.Path != "/where" {
		t.Errorf("after the answer: %d at %s", r.StatusCode, r.At)
	}
}

// A sign-in whose flow cookie is lost restarts by itself, once; a browser that keeps no cookies gets a page that says so.
func TestLostFlowRestartsOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	b := s.browser()
	b.Goto(s.url("/lost"))
	s.atProvider(b.Page)
	for _, c := range b.Cookies() {
		if strings.HasPrefix(c.Name, s.cookie("-flow-")) {
			b.ClearCookies(c.Name)
		}
	}
	b.Click("alice")
	s.atProvider(b.Page)
	b.Click("alice")
	s.atPrompt(b.Page)
	b.Click("Yes")
	s.atApp(b.Page)

	// No cookies at all: the second callback in a row is an end, not a third try.
	c := rig.NewHTTP(t)
	s.idp.Auto("alice")
	r := c.Get(s.url("/"))
	for range 40 {
		if r.Location() == nil {
			break
		}
		for _, name := range c.Names(s.host(), s.cookie("")) {
			c.SetCookie(s.host(), name, "")
		}
		r = c.Get(r.Location().String())
	}
	if r.Location() != nil || r.StatusCode < 400 || r.StatusCode > 499 {
		t.Errorf("a browser without cookies: %d at %s", r.StatusCode, r.At)
	}
}

// Many tabs: at most five flow cookies, the oldest gives way, and the newest still works.
func TestManyTabs(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	for range 9 {
		c.Get(s.url("/many"))
	}
	if n := len(c.Names(s.host(), s.cookie("-flow-"))); n > 5 {
		t.Errorf("%d flow cookies", n)
	}
	s.entered(c, "/many", "alice", "Yes")
}
