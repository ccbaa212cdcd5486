package signin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// Sign out everywhere ends the tokens only where the user says so, and a plain sign-out never does.
func TestSignOutAndTokens(t *testing.T) {
	for name, row := range map[string]struct {
		path string
		form url.Values
		ends bool
	}{
		"here":                            {browser.Base + "/sign-out", url.Values{}, false},
		"here, with the box":              {browser.Base + "/sign-out", url.Values{"tokens": {"1"}}, false},
		"everywhere":                      {browser.Base + "/sign-out", url.Values{"everywhere": {"1"}}, false},
		"everywhere, with the box":        {browser.Base + "/sign-out", url.Values{"everywhere": {"1"}, "tokens": {"1"}}, true},
		"all on /me":                      {browser.AccountPath, url.Values{"do": {"end_all"}}, false},
		"all on /me, with the box":        {browser.AccountPath, url.Values{"do": {"end_all"}, "tokens": {"1"}}, true},
		"the others on /me, with the box": {browser.AccountPath, url.Values{"do": {"end_others"}, "tokens": {"1"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g, told := tokenGateway(t)
			b := g.browser()
			b.signIn("no")
			texts := []string{b.makeToken(), b.makeToken("name", "phone")}
			page := b.get(row.path)
			if !strings.Contains(page.body, "Also revoke my 2 tokens for programs") || strings.Contains(page.body, "checked") {
				t.Errorf("the page does not ask:\n%s", page.body)
			}
			row.form.Set("csrf", csrf(page.body))
			told.events = nil
			g.clock.Advance(time.Second)
			if r := b.do(http.MethodPost, row.path, row.form); r.status != http.StatusOK {
				t.Fatalf("%d\n%s", r.status, r.body)
			}
			for _, text := range texts {
				if _, err := g.finds(text, "wiki"); (err != nil) != row.ends {
					t.Errorf("the token: %v", err)
				}
			}
			if want := map[bool]int{true: 2}[row.ends]; len(told.events) != want {
				t.Errorf("events %v", told.events)
			}
		})
	}
}

// The same by JSON.
func TestMeEndsTokensByJSON(t *testing.T) {
	g, told := tokenGateway(t)
	b := g.browser()
	b.signIn("no")
	text := b.makeToken()
	told.events = nil
	if r := b.post(`{"csrf":"` + b.mine().CSRF + `","do":"end_all","tokens":true}`); r.status != http.StatusOK || !strings.Contains(r.body, `"signed_out":true`) {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if _, err := g.finds(text, "wiki"); err == nil || len(told.events) != 1 || !strings.HasPrefix(told.events[0], access.EventTokenRevoked) {
		t.Errorf("the token: %v; events %v", err, told.events)
	}
}

// A token that is being made while its user revokes all does not survive, at whatever step: "tf" is before anything is written
// of it, "t" when it is written.
func TestTokenMadeMeanwhile(t *testing.T) {
	for _, step := range []string{"tf:", "t:"} {
		wrap := &refusing{}
		g, _ := tokenGateway(t, func(s *settings) { s.wrap = wrap })
		b, other := g.browser(), g.browser()
		b.signIn("no")
		other.signIn("no")
		form, end := b.makeForm(""), url.Values{"csrf": {other.mine().CSRF}, "do": {"end_all"}, "tokens": {"1"}}
		ended := false
		wrap.creating = func(key session.Key) {
			if ended || !strings.HasPrefix(string(key), step) {
				return
			}
			ended = true
			if r := other.do(http.MethodPost, browser.AccountPath, end); r.status != http.StatusOK {
				t.Errorf("%s the end: %d", step, r.status)
			}
			g.clock.Advance(time.Second)
		}
		r := b.do(http.MethodPost, browser.AccountPath, form)
		if !ended || tokenText.MatchString(r.body) || r.status == http.StatusOK {
			t.Errorf("%s %d\n%s", step, r.status, r.body)
		}
		for _, key := range g.store.Keys() {
			if strings.HasPrefix(string(key), "t:") {
				t.Errorf("%s the store still has %s", step, key)
			}
		}
	}
}

// Tokens that cannot be listed end all the same.
func TestTokensEndUnlisted(t *testing.T) {
	wrap := &refusing{kind: "tu"}
	g, _ := tokenGateway(t, func(s *settings) { s.wrap = wrap })
	b := g.browser()
	b.signIn("no")
	text := b.makeToken()
	form := url.Values{"csrf": {csrf(b.get(browser.Base + "/sign-out").body)}, "everywhere": {"1"}, "tokens": {"1"}}
	wrap.on.Store(true)
	if r := b.get(browser.Base + "/sign-out"); r.status != http.StatusServiceUnavailable {
		t.Errorf("the page, while tokens cannot be listed: %d", r.status)
	}
	if r := b.do(http.MethodPost, browser.Base+"/sign-out", form); r.status != http.StatusOK {
		t.Errorf("%d\n%s", r.status, r.body)
	}
	if _, err := g.finds(text, "wiki"); !errors.Is(err, session.ErrRevoked) {
		t.Errorf("the token: %v", err)
	}
}
