package signin

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// Where people sign in for all sites at one host, no site knows who uses a browser. The session that has just ended says
// whose a form is; without it nobody does, and nothing is kept.
func TestFormIsKeptAtASite(t *testing.T) {
	const note = wiki + page
	for name, row := range map[string]struct {
		end  func(b *testBrowser)
		next string // who signs in then
		kept bool
		back bool
	}{
		"its idle limit": {end: func(b *testBrowser) { b.clock.Advance(24 * time.Hour) }, kept: true, back: true},
		"idle sign-out":  {end: func(b *testBrowser) { b.clock.Advance(time.Hour) }, kept: true, back: true},
		"its idle limit, and another person signs in": {end: func(b *testBrowser) { b.clock.Advance(24 * time.Hour) }, next: "bob", kept: true},
		"idle sign-out, and another person signs in":  {end: func(b *testBrowser) { b.clock.Advance(time.Hour) }, next: "bob", kept: true},
		"it was ended": {end: func(b *testBrowser) { b.endSession() }},
		"a request of the page had found it so": {end: func(b *testBrowser) {
			b.clock.Advance(time.Hour)
			b.do(http.MethodGet, wiki+"/poll", nil, "Accept", "application/json")
		}},
		"its limit, as another site had found": {end: func(b *testBrowser) {
			b.clock.Advance(24 * time.Hour)
			b.get(admin + "/")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			g := estate(t, func(s *settings) { s.prompt.SharedUsers = 9 })
			site := g.sites[hostOf(wiki)]
			site.PreservePost, site.Idle = 1000, []access.IdleSignOut{{Warn: 45 * minute, After: 60 * minute}}
			b := g.walker()
			b.enter(wiki+"/", "no")
			b.in(admin + "/")
			row.end(b)
			r := b.do(http.MethodPost, note, written)
			if kept := r.setCookies()[browser.HostPrefix+browser.FormCookie] != nil; r.status != http.StatusUnauthorized || kept != row.kept || b.got(page).times != 0 {
				t.Fatalf("%d, kept %v\n%s", r.status, kept, r.body)
			}
			if row.next != "" {
				b.idp.SignInAs(row.next)
			}
			b.enter(note, "no")
			r = b.get(note)
			if !row.back {
				if !strings.HasPrefix(r.body, "app: ") || strings.Contains(r.body, "latchkey-form") {
					t.Errorf("offered: %s", r.body)
				}
				return
			}
			token := tokenOf(t, r)
			// The site keeps it: no other host of ours has the cookie that opens it.
			for _, origin := range []string{admin, login} {
				if b.at(origin, browser.FormCookie) != nil {
					t.Errorf("%s has the cookie", origin)
				}
			}
			if r := b.pressAt(note, token, "send"); r.status != http.StatusOK || b.got(page).body != written.Encode() || b.got(page).times != 1 {
				t.Errorf("%d, the app got %+v", r.status, b.got(page))
			}
		})
	}
}

// Idle sign-out names the sender as well where several people use a browser.
func TestIdleSignOutNamesTheSender(t *testing.T) {
	g := idleGateway(t, false, func(s *settings) { s.prompt.SharedUsers, s.limits = 9, session.Limits{Finest: 45 * minute} })
	g.namesTheSender()
}
