package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

const mine = "/.latchkey/me"

// L7, X16, A10: people see what is signed in as them, end it from elsewhere, keep the session of this browser through its
// restart, and are asked again once the browser has forgotten their answer.
func TestMyPageInTheBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{app: "network office 127.0.0.0/8"})
	here := rig.NewBrowser(t, rig.BrowserOptions{Width: 390, Height: 844, Locale: "ar", Lasting: true})
	there := rig.NewHTTP(t)
	s.entered(there, "/", "alice", "Yes")

	// Anonymous: by way of the provider and the prompt back to the page.
	s.begin(here.Page, mine, "alice")
	here.Check("لا تعرض هذا مرة أخرى")
	here.Click("لا")
	here.WaitURL(mine)
	content := here.Content()
	for _, want := range []string{`dir="rtl"`, "جلساتك", "هذا المتصفح", "office", "Chrome", `value="persistent"`, `value="forget_answer"`} {
		if !strings.Contains(content, want) {
			t.Errorf("%q is not on the page:\n%s", want, content)
		}
	}
	if n := strings.Count(content, `name="session"`); n != 2 {
		t.Errorf("%d sessions on the page", n)
	}
	for _, finding := range here.Axe() {
		t.Errorf("axe: %s", finding)
	}
	if dir := os.Getenv("LATCHKEY_SCREENSHOTS"); dir != "" {
		here.Screenshot(filepath.Join(dir, "me-ar-phone.png"))
	}

	// The other one ends, here and now.
	here.Click("تسجيل الخروج من كل الجلسات الأخرى")
	here.WaitURL(mine)
	s.mustBeDead(there, "the other browser")

	// This one stays, over a restart of the browser.
	here.Click("البقاء مسجّل الدخول هنا")
	here.WaitURL(mine)
	if c, ok := here.Cookie(s.cookie("")); !ok || time.Until(time.Unix(int64(c.Expires), 0)) < 100*24*time.Hour {
		t.Errorf("the cookie: %+v", c)
	}
	here.Restart()
	here.Goto(s.url("/"))
	s.atApp(here.Page)

	// The answer is forgotten: the next sign-in asks.
	here.Goto(s.url(mine))
	here.Click("نسيان هذه الإجابة")
	here.WaitURL(mine)
	if _, ok := here.Cookie(s.cookie("-answer")); ok {
		t.Error("A73: the answer survived")
	}
	here.Click("تسجيل الخروج")
	here.ClearCookies(s.cookie(""))
	s.begin(here.Page, "/", "alice")
	if text := here.Text(); !strings.Contains(text, "هل تريد البقاء مسجّل الدخول؟") {
		t.Errorf("not asked again: %s", text)
	}
}

// A23: without JavaScript a button ends exactly the session that it belongs to; another user's session name ends
// nothing.
func TestMyPageEndsOne(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	here, there, adam := rig.NewHTTP(t), rig.NewHTTP(t), rig.NewHTTP(t)
	s.entered(here, "/", "alice", "No")
	s.entered(there, "/", "alice", "Yes")
	s.entered(adam, "/", "adam", "Yes")
	own := func(c *rig.HTTP) string {
		_, rest, _ := strings.Cut(c.Get(s.url(mine)).Text, `name="session" value="`)
		id, _, _ := strings.Cut(rest, `"`)
		return id
	}
	end := func(id string) {
		form := here.Get(s.url(mine)).Form(t, "Sign out everywhere, here too")
		form.Values.Del("do")
		form.Values.Set("session", id)
		if r := here.Send(form); r.StatusCode != 200 {
			t.Errorf("ending %s: %d", id, r.StatusCode)
		}
	}
	end(own(adam))
	if !s.alive(adam) || !s.alive(there) || !s.alive(here) {
		t.Fatal("somebody else's session ended")
	}
	end(own(there))
	s.mustBeDead(there, "the other browser")
	if !s.alive(here) || !s.alive(adam) {
		t.Error("more than that one ended")
	}
}

// A user makes a token on the page, a program uses it as a password, and the user revokes it there. The token is shown once:
// a reload of the answer makes no second one, the browser keeps none, and no log has it.
func TestMyTokensInTheBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{site: "tokens on"})
	here := rig.NewBrowser(t, rig.BrowserOptions{Width: 390, Height: 844, Locale: "en-US"})
	s.begin(here.Page, mine, "alice")
	here.Click("No")
	here.WaitURL(mine)
	here.Click("Make a token")
	here.WaitURL("new=token&granted")
	here.Tap("Make a token") // the browser asks for the name
	if !strings.HasSuffix(here.URL(), "new=token&granted") {
		t.Fatalf("without a name it goes on to %s", here.URL())
	}
	var ok bool
	here.Evaluate(&ok, `(document.getElementById('name').value = 'git on the laptop', document.getElementById('expires').value = '7d', true)`)
	here.Click("Make a token")
	var token string
	here.Evaluate(&token, `document.getElementById('token')?.value ?? document.body.innerText`)
	if !strings.HasPrefix(token, "lk_") {
		t.Fatalf("no token: %s", token)
	}
	for _, finding := range here.Axe() {
		t.Errorf("axe: %s", finding)
	}
	here.Evaluate(&ok, `(() => { const t = document.getElementById('token'); t.focus(); t.select(); return getSelection().toString() === t.value && t.readOnly })()`)
	if !ok {
		t.Error("the token cannot be selected, or can be changed")
	}
	if dir := os.Getenv("LATCHKEY_SCREENSHOTS"); dir != "" {
		here.Screenshot(filepath.Join(dir, "made-token-phone.png"))
	}

	use := func() rig.Reply {
		r := http.Request{Header: http.Header{"Accept": {"*/*"}, "User-Agent": {"git/2.47.3"}}}
		r.SetBasicAuth("any", token)
		return rig.NewHTTP(t).Do(rig.Call{URL: s.url("/repo.git/info/refs"), Header: r.Header})
	}
	s.mustPass(use())

	if at := here.Reload(); at.Status != http.StatusConflict || !strings.Contains(here.Text(), "was sent before") {
		t.Errorf("a reload: %d\n%s", at.Status, here.Text())
	}
	here.Goto(s.url(mine))
	content := here.Content()
	if n := strings.Count(content, `name="token"`); n != 1 || strings.Contains(content, token) || !strings.Contains(content, "git on the laptop") {
		t.Errorf("%d tokens on the page:\n%s", n, content)
	}
	here.Click("Revoke")
	here.WaitURL(mine)
	if content := here.Content(); strings.Contains(content, "git on the laptop") {
		t.Errorf("it is still there:\n%s", content)
	}
	s.mustRefuse(use(), http.StatusUnauthorized, "token_unknown")
	if leaked := s.gw.Leaked(map[string]string{"the token": token, "the token without its prefix": strings.TrimPrefix(token, "lk_")}); len(leaked) > 0 {
		t.Errorf("the log has %v", leaked)
	}
}
