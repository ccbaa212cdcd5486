package e2e

import (
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// A15, A34: markup in anything that a page might show comes out as text.
func TestA15MarkupInPages(t *testing.T) {
	t.Parallel()
	evil := `<script>canary()</script>"'><img src=x onerror=canary()>`
	users := people()
	users["eve"] = rig.Claims{"name": evil, "preferred_username": evil, "email": evil, "groups": []string{evil}}
	s := newSite(t, config{users: users, app: "policy p {\nmatch {\npath /shut*\n}\nblock\n}"})
	c := rig.NewHTTP(t)
	prompt := s.enter(c, "/", "eve", "")
	c.Press(prompt, "No")
	pages := []rig.Reply{prompt}
	for _, path := range []string{
		"/shut/" + url.PathEscape(evil), "/.latchkey/sign-out?x=" + url.QueryEscape(evil), "/.latchkey/callback?state=" + url.QueryEscape(evil),
		"/.latchkey/callback?error=" + url.QueryEscape(evil), "/.latchkey/" + url.PathEscape(evil), "/.latchkey/signed-out?x=" + url.QueryEscape(evil),
		"/.latchkey/sign-in?provider=" + url.QueryEscape(evil), "/.latchkey/me",
	} {
		r := c.Get(s.url(path))
		if strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
			pages = append(pages, r)
		}
	}
	for _, r := range pages {
		if strings.Contains(r.Text, "<script>canary") || strings.Contains(r.Text, "<img src=x") {
			t.Errorf("A15: %s shows markup:\n%s", r.At, r.Text)
		}
		checkPageHeaders(t, r)
	}
}

// checkPageHeaders: each of our own pages is strict, cannot be framed, and is not cached.
func checkPageHeaders(t *testing.T, r rig.Reply) {
	t.Helper()
	csp := r.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("%s: Content-Security-Policy %q lacks %s", r.At, csp, want)
		}
	}
	if strings.Contains(csp, "unsafe-") {
		t.Errorf("%s: Content-Security-Policy %q", r.At, csp)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
		if !strings.Contains(r.Header.Get(name), want) {
			t.Errorf("%s: %s %q, want %s", r.At, name, r.Header.Get(name), want)
		}
	}
	// A page with a form must let its own origin know where a POST comes from: no-referrer would make it Origin: null.
	want := "no-referrer"
	if strings.Contains(r.Text, "<form") {
		want = "same-origin"
	}
	if got := r.Header.Get("Referrer-Policy"); got != want {
		t.Errorf("%s: Referrer-Policy %q, want %s", r.At, got, want)
	}
}

// Real pages in the real browser: axe finds nothing, nothing is blocked, whatever the light and the width.
func TestPagesInTheBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{app: "policy shut {\nmatch {\npath /shut\n}\nblock\n}"})
	for name, o := range map[string]rig.BrowserOptions{"desktop": {}, "dark phone": {Dark: true, Width: 320, Height: 640}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := rig.NewBrowser(t, o)
			check := func(page string) {
				t.Helper()
				for _, f := range b.Axe() {
					t.Errorf("%s: %s", page, f)
				}
				var wide bool
				b.Evaluate(&wide, "document.documentElement.scrollWidth > document.documentElement.clientWidth")
				if wide {
					t.Errorf("%s scrolls sideways", page)
				}
			}
			s.begin(b.Page, "/", "alice")
			s.atPrompt(b.Page)
			check("prompt")
			b.Click("Yes")
			b.Goto(s.url("/shut"))
			check("blocked")
			b.Goto(s.url("/.latchkey/sign-out"))
			check("sign-out")
			b.Goto(s.url("/.latchkey/callback?state=x"))
			check("problem")
			b.Goto(s.url("/.latchkey/signed-out"))
			check("signed out")
			for _, e := range b.Events() {
				if strings.Contains(e, "Content Security Policy") {
					t.Errorf("blocked by our own policy: %s", e)
				}
			}
		})
	}
}
