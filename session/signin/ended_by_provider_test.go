package signin

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signals"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// reported has an event of the provider about the user of the gateway carried out.
func (g *gateway) reported(t *testing.T, e signals.Event) {
	t.Helper()
	_, err := g.service.Actor().Carry(t.Context(), &signals.Report{
		Event: e, Subject: signals.Subject{Simple: true, User: &signals.Identifier{Format: signals.IssSub, Issuer: g.idp.URL, Value: "s-1"}},
		At: g.clock.Now(), Provider: signals.Provider{Name: "main", Issuer: g.idp.URL}, By: access.BySignal, From: "hub",
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A user whose session the provider had ended is told so: where a sign-in in progress ends, at the next page, once, and at
// /me after the next sign-in. A script is told that its session has ended. Of what the user did, or what did not end
// anything, nothing is said.
func TestEndedByProviderIsTold(t *testing.T) {
	const title, reason = "Your organisation signed you out", "Your account was disabled or removed."
	for name, row := range map[string]struct {
		event signals.Event
		told  bool
	}{
		"by the organisation":    {signals.Event{Kind: signals.AccountDisabled, By: "admin"}, true},
		"by the user":            {signals.Event{Kind: signals.SessionRevoked, By: "user"}, false},
		"by back-channel logout": {signals.Event{Kind: signals.ProviderSignedOut}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g, log := meGateway(t)
			page, script, atPrompt := g.browser(), g.browser(), g.browser()
			page.signIn("yes")
			script.signIn("yes")
			prompt := atPrompt.prompted("/page")
			g.clock.Advance(time.Minute)
			g.reported(t, row.event)
			g.clock.Advance(time.Second)
			if r := atPrompt.answer(prompt, "yes"); r.status != http.StatusForbidden || (strings.Contains(r.body, title) && strings.Contains(r.body, reason)) != row.told {
				t.Errorf("the sign-in in progress: %d\n%s", r.status, r.body)
			}
			if r := script.script(http.MethodGet); r.status != http.StatusUnauthorized || !strings.Contains(r.body, `"session_ended"`) {
				t.Errorf("a script: %d %s", r.status, r.body)
			}
			r := page.get("/page?x=1")
			c := r.setCookies()[browser.SessionCookie]
			if c == nil || c.MaxAge >= 0 {
				t.Errorf("the cookie stays: %v", c)
			}
			if row.told && (r.status != http.StatusUnauthorized || !strings.Contains(r.body, title) || !strings.Contains(r.body, reason) || !strings.Contains(r.body, "%2Fpage%3Fx%3D1")) {
				t.Errorf("the next page: %d\n%s", r.status, r.body)
			}
			if !row.told && r.status != http.StatusSeeOther {
				t.Errorf("the next page: %d", r.status)
			}
			if row.told {
				if r := page.get("/page"); r.status != http.StatusSeeOther {
					t.Errorf("told twice: %d", r.status)
				}
			}
			page.signIn("yes")
			log.entries(t, 5)
			if body := page.get(browser.Base + "/me").body; (strings.Contains(body, "Signed out by your organisation") && strings.Contains(body, reason)) != row.told {
				t.Errorf("me:\n%s", body)
			}
			if m := page.mine(); len(m.SignIns) > 0 && row.told {
				told := 0
				for _, one := range m.SignIns {
					if one.Outcome == string(pages.OutcomeEndedByProvider) && one.Why == "account" {
						told++
					}
				}
				if told != 1 {
					t.Errorf("told %d times: %+v", told, m.SignIns)
				}
			}
		})
	}
}

// A demand to authenticate again is told at /me.
func TestDemandByProviderIsTold(t *testing.T) {
	g, log := meGateway(t)
	b := g.browser()
	b.signIn("yes")
	g.clock.Advance(time.Minute)
	g.reported(t, signals.Event{Kind: signals.CredentialChange, Change: "update", Credential: "password"})
	log.entries(t, 2)
	if body := b.get(browser.Base + "/me").body; !strings.Contains(body, "Your organisation asked you to sign in again") || !strings.Contains(body, "A password or another way to sign in was changed") {
		t.Errorf("me:\n%s", body)
	}
}

// A reason that this version does not know is not shown.
func TestUnknownReason(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	b.signIn("yes")
	_, err := g.service.Sessions.EndByProvider(t.Context(), session.ProviderEnd{
		Issuer: g.idp.URL, Subject: "s-1", At: g.clock.Now().Add(time.Minute), Why: "<later>",
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := b.get("/"); r.status != http.StatusUnauthorized || strings.Contains(r.body, "later") || !strings.Contains(r.body, "Your organisation signed you out") {
		t.Errorf("%d\n%s", r.status, r.body)
	}
}
