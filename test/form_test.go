package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// What was typed into a form outlives the session: after the sign-in one button sends it, exactly as it was, and once (A23).
func TestFormOutlivesTheSession(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{site: "preserve_post 64KB"})
	b := s.browser()
	s.signIn(b.Page, "/notes?id=7", "alice", "No")
	b.Evaluate(new(bool), `(() => {
		document.body.innerHTML = '<form method=post action="/notes?id=7"><textarea name=text>Minutes of the 3rd: tea &amp; cake</textarea><button>Save</button></form>';
		return true;
	})()`)
	if status, text := s.gw.AskAdmin(http.MethodPost, "/latchkey/revoke-before", `{"before":"0s"}`); status != http.StatusOK {
		t.Fatalf("ending the sessions: %d %s", status, text)
	}
	b.Click("Save")
	if text := b.Text(); !strings.Contains(text, "Sign in, then send it") || s.posts() != nil {
		t.Fatalf("%s\n%v", text, s.posts())
	}
	b.Click("Sign in")
	b.Click("alice")
	s.atPrompt(b.Page)
	b.Click("No")
	if text := b.Text(); !strings.Contains(text, "Send what you sent before?") || strings.Contains(b.Content(), "tea") {
		t.Fatalf("the offer: %s", text)
	}
	b.Click("Send it now")
	s.atApp(b.Page)
	if got := s.posts(); len(got) != 1 || got[0] != "text=Minutes+of+the+3rd%3A+tea+%26+cake" {
		t.Fatalf("the app got %q", got)
	}
	for _, r := range s.app.Requests() {
		if strings.Contains(r.Header.Get("Cookie"), "latchkey") {
			t.Errorf("a cookie of ours reached the app: %s", r.Header.Get("Cookie"))
		}
	}
	b.Goto(s.url("/notes?id=7"))
	s.atApp(b.Page)
}

// posts are the bodies that were posted to the app.
func (s *site) posts() (bodies []string) {
	for _, r := range s.app.Requests() {
		if r.Method == http.MethodPost {
			bodies = append(bodies, r.Body)
		}
	}
	return bodies
}
