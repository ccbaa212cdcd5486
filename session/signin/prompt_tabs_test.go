package signin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

var returnField = `name="return" value="`

// inTab answers the prompt as one tab shows it, with everything that its form holds.
func (b *testBrowser) inTab(page result, answer string) result {
	b.t.Helper()
	_, rest, ok := strings.Cut(page.body, returnField)
	if !ok {
		b.t.Fatalf("the form holds no page\n%s", page.body)
	}
	ret, _, _ := strings.Cut(rest, `"`)
	return b.answer(page, answer, "return", ret)
}

func (b *testBrowser) tabs(pages ...string) (shown []result) {
	b.t.Helper()
	var asked []url.Values
	for _, page := range pages {
		asked = append(asked, b.toProvider(page))
	}
	for _, a := range asked {
		shown = append(shown, b.get(b.callback(a).location))
	}
	return shown
}

// TestThreeTabsAtThePrompt (field trial 5.3, K20): an answer in any tab counts, makes the one session, and each tab goes
// to its own page.
func TestThreeTabsAtThePrompt(t *testing.T) {
	pages := []string{"/one", "/two", "/three"}
	for first := range pages {
		b := newGateway(t).browser()
		shown := b.tabs(pages...)
		for i := range pages {
			tab := (first + i) % len(pages)
			r := b.inTab(shown[tab], "yes")
			if r.status != http.StatusOK || !strings.HasSuffix(r.header.Get("Refresh"), pages[tab]) {
				t.Errorf("tab %d: %d, Refresh %q", tab, r.status, r.header.Get("Refresh"))
			}
			if made := r.setCookies()[browser.SessionCookie] != nil; made != (i == 0) {
				t.Errorf("tab %d, answer %d: a session was made: %v", tab, i, made)
			}
			if r := b.get(browser.Base + "/stay?return=" + pages[tab]); r.location != pages[tab] { // field trial 5.7
				t.Errorf("Back to the prompt: %d to %q", r.status, r.location)
			}
		}
		if n := b.log.count(signinlog.KeepMeSignedIn); n != 0 {
			t.Errorf("%d entries of 50140 for an answered prompt", n)
		}
		if n := b.log.count(signinlog.Success); n != 1 {
			t.Errorf("%d sign-ins, want 1", n)
		}
	}
}

// TestTabsOfOnePromptAbandoned (field trial 5.3, K17): a prompt in three tabs is one prompt, and one entry.
func TestTabsOfOnePromptAbandoned(t *testing.T) {
	b := newGateway(t).browser()
	shown := b.tabs("/one", "/two", "/three")
	b.inTab(shown[0], "cancel")
	if n := b.log.count(signinlog.KeepMeSignedIn); n != 1 {
		t.Errorf("%d entries of 50140, want 1", n)
	}
}

// TestTabsOfTwoUsers (field trial 5.3): a form that was shown to one user does not sign in another one.
func TestTabsOfTwoUsers(t *testing.T) {
	b := newGateway(t, func(s *settings) { s.prompt.SharedUsers = 0 }).browser()
	one, two := b.toProvider("/one"), b.toProvider("/two")
	page := b.get(b.callback(one).location)
	b.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": "s-2"} })
	b.callback(two)
	if r := b.inTab(page, "yes"); r.status != http.StatusForbidden || r.setCookies()[browser.SessionCookie] != nil {
		t.Errorf("the first user's form: %d", r.status)
	}
	if n := b.log.count(signinlog.KeepMeSignedIn); n != 1 {
		t.Errorf("%d entries of 50140, want 1", n)
	}
}

// TestPageOfATab (A02): the page in address and form passes the redirect validator.
func TestPageOfATab(t *testing.T) {
	for _, bad := range []string{"//evil.example/", "https://evil.example/", "/\\evil.example", browser.Base + "/sign-out"} {
		b := newGateway(t).browser()
		b.prompted("/page")
		page := b.get(browser.Base + "/stay?" + url.Values{"return": {bad}}.Encode())
		if !strings.Contains(page.body, returnField+`/"`) {
			t.Errorf("%q is in the form\n%s", bad, page.body)
		}
		for range 2 {
			if r := b.answer(page, "yes", "return", bad); !strings.HasSuffix(r.header.Get("Refresh"), "url=/") {
				t.Errorf("%q leads to %q", bad, r.header.Get("Refresh"))
			}
		}
	}
}

// TestBackToTheSpentCallback (field trial 5.7): Back right after sign-in leads to the page, for who is signed in.
func TestBackToTheSpentCallback(t *testing.T) {
	b := newGateway(t).browser()
	asked := b.toProvider("/page?x=1")
	page := b.get(b.callback(asked).location)
	b.inTab(page, "no")
	if r := b.callback(asked); r.location != "/page?x=1" {
		t.Errorf("Back: %d to %q", r.status, r.location)
	}
	other := b.gateway.browser()
	if r := other.callback(asked); strings.Contains(r.location, "/page") {
		t.Errorf("a stranger with the address is told the page: %q", r.location)
	}
}

func (b *kindBench) spentKind(name string) sealedKind {
	const state = "AAAAAAAA"
	return sealedKind{
		name: name,
		seal: func(_ *testing.T, place int) []byte {
			f := b.service.newFlow(b.visits[place], b.service.Providers[0], "/")
			f.State = state
			return b.service.sealSpent(b.visits[place], f.State, f.page())
		},
		open: func(_ *testing.T, place int, sealed []byte) bool {
			_, err := b.service.openSpent(b.visits[place], state, sealed)
			return err == nil
		},
	}
}
