package signin

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// A45, rules 9 to 11, 14, 15 and 18: whose sessions end. Kinds make no difference: a sign-out beats a Yes.
func TestBackChannelWhose(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change map[string]any
		ends   []string
	}{
		{"14 sid", map[string]any{"sid": "sid-1"}, []string{"first", "first again"}},
		{"14 sub: all of the person's (A45)", map[string]any{"sub": "s-1"}, []string{"first", "first again", "second"}},
		{"14 both", map[string]any{"sid": "sid-1", "sub": "s-1"}, []string{"first", "first again"}},
		{"14 both, and they disagree", map[string]any{"sid": "sid-1", "sub": "s-2"}, nil},
		{"10 unknown sub", map[string]any{"sub": "s-9"}, nil},
		{"11 unknown sid", map[string]any{"sid": "sid-9"}, nil},
		{"18 sub, before these began", map[string]any{"sub": "s-1", "iat": int64(-300), "exp": int64(60)}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			all := map[string]*testBrowser{
				"first": g.signedInAs("s-1", "sid-1", "yes"), "first again": g.signedInAs("s-1", "sid-1", "no"),
				"second": g.signedInAs("s-1", "sid-2", "yes"), "stranger": g.signedInAs("s-2", "sid-3", "yes"),
			}
			for _, at := range []string{"iat", "exp"} {
				if v, ok := tt.change[at].(int64); ok {
					tt.change[at] = g.clock.Now().Unix() + v
				}
			}
			if r := g.logout(g.idp.LogoutToken(tt.change)); r.status != http.StatusOK {
				t.Fatalf("%d %s", r.status, r.body)
			}
			for name, b := range all {
				over := false
				for _, e := range tt.ends {
					over = over || e == name
				}
				if b.alive() == over {
					t.Errorf("%s lives: %t", name, !over)
				}
			}
		})
	}
}

// A sign-in that the provider ends while it is under way makes no session: at the prompt, and between the provider's page
// and the callback. The person is told, and can sign in anew at once.
func TestBackChannelOutrunsNoSignIn(t *testing.T) {
	for _, by := range []map[string]any{{"sid": "sid-1"}, {"sub": "s-1"}} {
		g := newGateway(t)
		g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sid": "sid-1", "auth_time": g.clock.Now().Unix()} })
		b := g.browser()
		prompt := b.prompted("/")
		g.clock.Advance(2 * time.Second)
		if r := g.logout(g.idp.LogoutToken(by)); r.status != http.StatusOK {
			t.Fatalf("%d %s", r.status, r.body)
		}
		r := b.answer(prompt, "yes")
		if r.status != http.StatusForbidden || r.setCookies()[browser.SessionCookie] != nil || !strings.Contains(r.body, "sign in again") {
			t.Errorf("%v: the answer after it: %d, cookie %v", by, r.status, r.setCookies()[browser.SessionCookie])
		}
		if b.alive() || g.log.count(50173) != 1 {
			t.Errorf("%v: a session, or no entry (%d)", by, g.log.count(50173))
		}
		g.clock.Advance(2 * time.Second)
		if after := g.signedInAs("s-1", "sid-2", "yes"); !after.alive() {
			t.Errorf("%v: the sign-in after it", by)
		}
	}
}

// Rule 17, A46: a flood of forged tokens costs the provider next to nothing, and the provider's outage is not held against
// a token.
func TestBackChannelFlood(t *testing.T) {
	g := newGateway(t)
	g.signedInAs("s-1", "sid-1", "yes")
	stranger := oidctest.New(t, g.clock.Now)
	before := g.idp.Count("/keys")
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 25 {
				stranger.Set(func(p *oidctest.IDP) { p.KeyID = session.NewRandom(6) })
				var token string
				stranger.Set(func(p *oidctest.IDP) { token = p.LogoutToken(map[string]any{"iss": g.idp.URL, "sid": "sid-1"}) })
				if r := g.logout(token); r.status != http.StatusBadRequest {
					t.Errorf("forged: %d %s", r.status, r.body)
				}
			}
		})
	}
	wait.Wait()
	if n := g.idp.Count("/keys") - before; n > 2 {
		t.Errorf("200 forged tokens made %d fetches of the keys", n)
	}
	// A key that is not known cannot be told from one that is new.
	g.clock.Advance(time.Minute)
	g.idp.Set(func(p *oidctest.IDP) { p.Broken["/keys"] = true; p.KeyID = "k2" })
	if r := g.logout(g.idp.LogoutToken(map[string]any{"sid": "sid-1"})); r.status != http.StatusServiceUnavailable {
		t.Errorf("with the keys out of reach: %d %s", r.status, r.body)
	}
	g.clock.Advance(time.Minute)
	g.idp.Set(func(p *oidctest.IDP) { p.Broken["/keys"] = false })
	if r := g.logout(g.idp.LogoutToken(map[string]any{"sid": "sid-1"})); r.status != http.StatusOK {
		t.Errorf("with a key that is new: %d %s", r.status, r.body)
	}
}

// What happens is told to whoever listens, with nothing in it that opens anything.
func TestEventsOfSignOut(t *testing.T) {
	type event struct {
		name string
		data map[string]any
	}
	var mu sync.Mutex
	var heard []event
	g := newGateway(t)
	g.service.Notify = func(name string, data map[string]any) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, event{name, data})
	}
	b := g.signedInAs("s-1", "sid-1", "yes")
	b.signOut()
	g.signedInAs("s-1", "sid-1", "yes")
	g.logout(g.idp.LogoutToken(map[string]any{"sub": "s-1"}))
	mu.Lock()
	defer mu.Unlock()
	var names []string
	for _, e := range heard {
		by, _ := e.data["by"].(string)
		names = append(names, e.name+" "+by)
		if e.data["session"] == "" || e.data["user_subject"] != "s-1" || e.data["user_issuer"] != g.idp.URL {
			t.Errorf("%s: %v", e.name, e.data)
		}
	}
	if got := strings.Join(names, ", "); got != "sign_in , sign_out person, sign_in , session_revoked back_channel" {
		t.Errorf("heard %s", got)
	}
}
