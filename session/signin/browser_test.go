package signin

import (
	"context"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signin/remembered"
)

// countless is a store that cannot tell who used a browser.
type countless struct {
	session.Store
	asked int
}

func (s *countless) Members(ctx context.Context, index session.Key, before time.Time, limit int) ([]session.Key, error) {
	if strings.HasPrefix(string(index), "b:") {
		s.asked++
		return nil, session.ErrUnavailable
	}
	return s.Store.Members(ctx, index, before, limit)
}

func (s *countless) Apply(ctx context.Context, st session.Step) (session.Outcome, error) {
	return session.InTurn(ctx, s, st)
}

// A7, K14: a browser in which two people have signed in is a shared device, whether the first answered the prompt, left it
// unanswered or was never asked; one person who comes again is no crowd.
func TestSharedBrowser(t *testing.T) {
	always := access.Admission{Persistence: prompt.PersistenceAlways}
	for name, first := range map[string]func(*gateway, *testBrowser){
		"answered": func(_ *gateway, b *testBrowser) { b.signIn("no"); b.signOut() },
		"left":     func(_ *gateway, b *testBrowser) { b.prompted("/") },
		"not asked": func(g *gateway, b *testBrowser) {
			g.site.Gate = gateFunc(func(*access.Visit, *session.Record) access.Admission { return always })
			b.callback(b.toProvider("/"))
			b.signOut()
			g.site.Gate = gateFunc(func(*access.Visit, *session.Record) access.Admission { return access.Admission{} })
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			b := g.browser()
			first(g, b)
			b.prompted(browser.Base + "/sign-in") // Ada again, who is asked
			g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": "s-2"} })
			if r := b.callback(b.toProvider(browser.Base + "/sign-in")); stays(r.location) {
				t.Error("the second person was asked")
			}
			if kept := g.log.last(t); kept.PromptReason != prompt.ReasonSharedDevice {
				t.Errorf("the second person's sign-in: %+v", kept)
			}
		})
	}
}

// A7: where nobody can tell who used the browser the sign-in goes on, and is counted for the next time all the same.
func TestSharedBrowserUnknown(t *testing.T) {
	store := new(countless)
	g := newGateway(t)
	b := g.browser()
	b.signIn("no")
	b.signOut()
	store.Store, g.service.Store = g.store, store
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": "s-2"} })
	b.signIn("no")
	b.signOut()
	if store.asked == 0 {
		t.Fatal("nobody asked who used the browser")
	}
	g.service.Store = g.store
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": "s-3"} })
	if r := b.callback(b.toProvider("/")); stays(r.location) {
		t.Error("the third person was asked")
	}
	people, err := (&remembered.Keeper{Environment: g.service.Environment}).Users(t.Context(), g.browserID(b), 9)
	if err != nil || len(people) != 3 {
		t.Errorf("the browser has been used by %v, %v", people, err)
	}
}

// A7, A78: the first user of a browser is in no list but in its ID, and counts for as long as the others. A browser whose ID
// names no user, of an earlier version or of the sign-in host, has all in the list.
func TestFirstUserOfBrowser(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	b.signIn("no")
	if id, have := g.browserID(b), b.session().BrowserID; have == "" || have == id || have != browser.Name(id) {
		t.Errorf("the session has %q of the ID %q", have, id)
	}
	b.signOut()
	listed := func() int {
		t.Helper()
		people, err := g.store.Members(t.Context(), remembered.UsersOf(g.browserID(b)), time.Time{}, 9)
		if err != nil {
			t.Fatal(err)
		}
		return len(people)
	}
	shared := func(sub string) bool {
		g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": sub} })
		defer g.idp.Set(func(p *oidctest.IDP) { p.Claims = nil })
		return !stays(b.callback(b.toProvider("/")).location)
	}
	if n := listed(); n != 0 {
		t.Errorf("the first user is in a list of %d", n)
	}
	if !shared("s-2") || listed() != 1 {
		t.Errorf("the second user is asked, or %d are listed", listed())
	}
	g.clock.Advance(g.service.Prompt.SharedWindow)
	b = g.browser()
	b.signIn("no")
	b.signOut()
	g.clock.Advance(g.service.Prompt.SharedWindow - time.Second)
	if !shared("s-2") {
		t.Error("the first user is forgotten too early")
	}
	b = g.browser()
	b.signIn("no")
	b.signOut()
	g.clock.Advance(g.service.Prompt.SharedWindow)
	if shared("s-2") {
		t.Error("the first user counts for ever")
	}
	w := httptest.NewRecorder()
	browser.GiveID(w, g.service.Keys, "127.0.0.1", false, &browser.Cookies{}, "", g.clock.Now())
	b = g.browser()
	u, err := url.Parse(b.URL)
	if err != nil {
		t.Fatal(err)
	}
	b.client.Jar.SetCookies(u, w.Result().Cookies())
	b.signIn("no")
	b.signOut()
	if listed() != 1 || !shared("s-2") || listed() != 2 {
		t.Errorf("of a browser whose ID names no user %d are listed", listed())
	}
}

// browserID is the ID of a browser.
func (g *gateway) browserID(b *testBrowser) string {
	g.t.Helper()
	v := &access.Visit{Host: "127.0.0.1", Cookies: browser.Cookies{Browser: b.cookie(browser.IDCookie).Value}}
	id, ok := browser.ID(g.service.Keys, v.Host, &v.Cookies)
	if !ok {
		g.t.Fatal("the browser has no id")
	}
	return id
}
