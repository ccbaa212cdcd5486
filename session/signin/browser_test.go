package signin

import (
	"context"
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
	id, err := g.store.Members(t.Context(), g.usedBrowser(b), time.Time{}, 9)
	if err != nil || len(id) != 3 {
		t.Errorf("the browser has been used by %v, %v", id, err)
	}
}

// usedBrowser is the list of who has used a browser.
func (g *gateway) usedBrowser(b *testBrowser) session.Key {
	g.t.Helper()
	v := &access.Visit{Host: "127.0.0.1", Cookies: browser.Cookies{Browser: b.cookie(browser.IDCookie).Value}}
	id, ok := browser.ID(g.service.Keys, v.Host, &v.Cookies)
	if !ok {
		g.t.Fatal("the browser has no id")
	}
	return remembered.UsersOf(id)
}
