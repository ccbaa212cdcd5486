package signin

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/refresh"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

const recheck = time.Hour

const (
	// outage is how much longer than recheck claims are good for while the provider is away.
	outage = 24 * time.Hour
	// renewalPause is the shortest time between two renewals after one that went wrong.
	renewalPause = 15 * time.Second
)

func recheckGateway(t *testing.T, change ...func(*settings)) (*gateway, *testBrowser) {
	t.Helper()
	g := newGateway(t, append([]func(*settings){func(s *settings) { s.recheck = recheck }}, change...)...)
	b := g.browser()
	b.signIn("yes")
	return g, b
}

// user is who the app sees now.
func (b *testBrowser) user() string { return b.get("/").body }

// TestRecheckBehind holds A66: claims that change at the provider change here, behind the next request once they are
// old, and nobody waits for it.
func TestRecheckBehind(t *testing.T) {
	g, b := recheckGateway(t)
	g.idp.Set(func(p *oidctest.IDP) {
		p.Claims = map[string]any{"preferred_username": "grace", "nonce": nil}
		p.TokenBody = map[string]any{"refresh_token": "refresh-2"}
	})
	g.clock.Advance(recheck - time.Minute)
	if b.user(); g.idp.Count("/token") != 1 {
		t.Fatal("asked anew too early")
	}
	g.clock.Advance(time.Minute)
	if got := b.user(); got != "app: ada persistent" {
		t.Errorf("the request waited: %q", got)
	}
	storetest.Until(t, "the app sees the new name", func() bool { return b.user() == "app: grace persistent" })
	if n := g.idp.Count("/token"); n != 2 || g.idp.LastToken.Get("refresh_token") != "refresh-canary" {
		t.Errorf("%d token requests, the last with %q", n, g.idp.LastToken.Get("refresh_token"))
	}
	// The rotated token is used the next time; a request may come while the first renewal is just ending.
	g.clock.Advance(recheck)
	storetest.Until(t, "the provider is asked with the rotated token", func() (rotated bool) {
		b.user()
		g.idp.Set(func(p *oidctest.IDP) { rotated = p.LastToken.Get("refresh_token") == "refresh-2" })
		return rotated
	})
	if n := g.idp.Count("/token"); n != 3 {
		t.Errorf("%d token requests", n)
	}
}

// TestRecheckBefore: claims twice as old are renewed before the request goes on, by one of many requests.
func TestRecheckBefore(t *testing.T) {
	g, b := recheckGateway(t)
	hang := make(chan struct{})
	g.idp.Set(func(p *oidctest.IDP) {
		p.Claims = map[string]any{"preferred_username": "grace", "nonce": nil}
		p.Hang = hang
	})
	g.clock.Advance(2 * recheck)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got := b.user(); got != "app: grace persistent" {
				t.Errorf("app: %q", got)
			}
		})
	}
	storetest.Until(t, "the provider is asked", func() bool { return g.idp.Count("/token") == 2 })
	close(hang)
	all.Wait()
	if n := g.idp.Count("/token"); n != 2 {
		t.Errorf("%d token requests for one renewal", n-1)
	}
}

// TestRecheckRefused holds D4: an explicit refusal ends the session, and the log says so.
func TestRecheckRefused(t *testing.T) {
	g, b := recheckGateway(t)
	g.idp.Set(func(p *oidctest.IDP) { p.TokenFail = map[string]any{"error": "invalid_grant"} })
	g.clock.Advance(2 * recheck)
	r := b.get("/")
	if c := r.setCookies()[browser.SessionCookie]; r.status != http.StatusSeeOther || c == nil || c.MaxAge >= 0 {
		t.Errorf("refused: %d, cookie %v", r.status, c)
	}
	if g.log.count(signinlog.GrantRevoked) != 1 {
		t.Error("no entry in the log")
	}
}

// TestRecheckRefusedInWords: a provider that wants the person back refuses as well (D4; OpenID Connect Core, section
// 3.1.2.6): without a new sign-in no renewal will ever come.
func TestRecheckRefusedInWords(t *testing.T) {
	for _, word := range []string{"interaction_required", "login_required", "consent_required"} {
		g, b := recheckGateway(t)
		g.idp.Set(func(p *oidctest.IDP) { p.TokenFail = map[string]any{"error": word} })
		g.clock.Advance(2 * recheck)
		if r := b.get("/"); r.status != http.StatusSeeOther || g.log.count(signinlog.GrantRevoked) != 1 {
			t.Errorf("%s: %d", word, r.status)
		}
	}
}

// TestRecheckOfOnePerson: what goes wrong with one session's renewal holds up nobody else's (A66): else whoever can make
// their own fail keeps everybody's groups from being asked for.
func TestRecheckOfOnePerson(t *testing.T) {
	g, eve := recheckGateway(t)
	ada := g.browser()
	ada.signIn("yes")
	g.clock.Advance(2 * recheck)
	g.idp.Set(func(p *oidctest.IDP) { p.Instead["/token"] = says(http.StatusBadRequest, nil, "") })
	for range 3 {
		if got := eve.user(); got != "app: ada persistent" {
			t.Fatalf("app: %q", got)
		}
	}
	if n := g.idp.Count("/token"); n != 3 {
		t.Errorf("%d token requests for one that fails", n-2)
	}
	g.idp.Set(func(p *oidctest.IDP) {
		p.Instead["/token"], p.Claims = nil, map[string]any{"preferred_username": "grace", "nonce": nil}
	})
	if got := ada.user(); got != "app: grace persistent" {
		t.Errorf("app: %q", got)
	}
	g.clock.Advance(renewalPause)
	if got := eve.user(); got != "app: grace persistent" {
		t.Errorf("after the pause: %q", got)
	}
}

// TestRecheckOutage holds D1, D4 and F11: an outage ends nothing for a day, is not asked about again and again, and
// then asks for nothing less than the truth.
func TestRecheckOutage(t *testing.T) {
	for name, trouble := range map[string]func(*oidctest.IDP){
		"503":            func(p *oidctest.IDP) { p.Broken["/token"] = true },
		"another client": func(p *oidctest.IDP) { p.TokenFail = map[string]any{"error": "invalid_client"} },
	} {
		t.Run(name, func(t *testing.T) {
			g, b := recheckGateway(t)
			g.idp.Set(trouble)
			g.clock.Advance(2 * recheck)
			before := g.idp.Count("/token")
			for range 10 {
				if got := b.user(); got != "app: ada persistent" {
					t.Fatalf("app: %q", got)
				}
			}
			if n := g.idp.Count("/token") - before; n != 1 {
				t.Errorf("%d token requests within %s", n, renewalPause)
			}
			g.clock.Advance(outage)
			if r := b.get("/"); r.status != http.StatusServiceUnavailable || len(r.setCookies()) != 0 {
				t.Errorf("after a day: %d, cookies %v", r.status, r.setCookies())
			}
			g.idp.Set(func(p *oidctest.IDP) {
				p.Broken, p.Redirecting, p.TokenFail, p.TokenBody = map[string]bool{}, map[string]bool{}, nil, nil
				p.Claims = map[string]any{"nonce": nil}
			})
			g.clock.Advance(renewalPause)
			if got := b.user(); got != "app: ada persistent" {
				t.Errorf("up again: %q", got)
			}
		})
	}
}

// TestRecheckWithoutToken: where the provider gives no refresh token, or tells nothing for one, claims stay as at
// sign-in, and their age is what it is.
func TestRecheckWithoutToken(t *testing.T) {
	g := newGateway(t, func(s *settings) { s.recheck = recheck })
	g.idp.Set(func(p *oidctest.IDP) { p.TokenBody = map[string]any{"refresh_token": ""} })
	b := g.browser()
	b.signIn("yes")
	g.clock.Advance(10 * recheck)
	if got := b.user(); got != "app: ada persistent" || g.idp.Count("/token") != 1 {
		t.Errorf("app: %q, %d token requests", got, g.idp.Count("/token"))
	}
	g, b = recheckGateway(t)
	g.idp.Set(func(p *oidctest.IDP) { p.TokenBody = map[string]any{"id_token": nil} })
	g.clock.Advance(2 * recheck)
	for range 3 {
		if got := b.user(); got != "app: ada persistent" {
			t.Errorf("app: %q", got)
		}
	}
	if n := g.idp.Count("/token"); n != 2 {
		t.Errorf("%d token requests", n)
	}
}

// TestRecheckStoreDown: the store's outage is the store's, not the end of a session.
func TestRecheckStoreDown(t *testing.T) {
	g, b := recheckGateway(t)
	g.clock.Advance(2 * recheck)
	g.store.Fail(errors.New("out"))
	if r := b.get("/"); r.status != http.StatusServiceUnavailable || len(r.setCookies()) != 0 {
		t.Errorf("%d, cookies %v", r.status, r.setCookies())
	}
	g.store.Fail(nil)
	g.clock.Advance(time.Minute) // see AwaitSettled
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"nonce": nil} })
	if got := b.user(); got != "app: ada persistent" {
		t.Errorf("app: %q", got)
	}
}

// session returns the record of the browser's session.
func (b *testBrowser) session() *session.Record {
	s, _ := b.loaded()
	return s
}

// loaded returns the session that the browser's cookie opens, and its token.
func (b *testBrowser) loaded() (*session.Record, session.Token) {
	b.t.Helper()
	token, err := session.OpenToken(b.service.Keys, b.cookie(browser.SessionCookie).Value, "127.0.0.1", browser.SessionCookie)
	if err != nil {
		b.t.Fatal(err)
	}
	have, err := b.service.Sessions.Load(b.t.Context(), token)
	if err != nil {
		b.t.Fatal(err)
	}
	s, err := have.Record()
	if err != nil {
		b.t.Fatal(err)
	}
	return s, token
}

// TestRecheckEndedElsewhere: who waits for another replica's renewal takes its result also if that is the session's end
// (A66).
func TestRecheckEndedElsewhere(t *testing.T) {
	g, b := recheckGateway(t)
	who, token := b.loaded()
	g.clock.Advance(2 * recheck)
	if _, err := refresh.New(g.store, g.clock.Now).Lease(t.Context(), who.ID); err != nil {
		t.Fatal(err)
	}
	if err := g.service.Sessions.End(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	if got, err := rechecked(g.service, who, token); !access.Over(err) || got != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestRecheckRefusedToTheSlower: a refresh token that is refused because another replica has just used it ends nothing,
// and the request goes on with what that one has learnt.
func TestRecheckRefusedToTheSlower(t *testing.T) {
	g, b := recheckGateway(t)
	who, token := b.loaded()
	tokens, err := g.service.Sessions.Tokens(who, token)
	if err != nil {
		t.Fatal(err)
	}
	hang := make(chan struct{})
	g.idp.Set(func(p *oidctest.IDP) { p.TokenFail, p.Hang = map[string]any{"error": "invalid_grant"}, hang })
	g.clock.Advance(2 * recheck)
	type outcome struct {
		who *session.Record
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		got, err := rechecked(g.service, who, token)
		done <- outcome{got, err}
	}()
	storetest.Until(t, "the provider is asked", func() bool { return g.idp.Count("/token") == 2 })
	fresh := *who
	fresh.User, fresh.GroupsAsOf = "grace", g.clock.Now()
	if _, err := g.service.Sessions.Renew(t.Context(), who, token, fresh, tokens); err != nil {
		t.Fatal(err)
	}
	close(hang)
	if got := <-done; got.err != nil || got.who == nil || got.who.User != "grace" {
		t.Errorf("got %v, %v", got.who, got.err)
	}
}

// TestRecheckKeeps holds A13: a renewal is no authentication; it moves neither end nor strength.
func TestRecheckKeeps(t *testing.T) {
	g := newGateway(t, func(s *settings) { s.recheck = recheck })
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"auth_time": p.Now().Unix(), "amr": []string{"pwd"}} })
	b := g.browser()
	b.signIn("yes")
	before, _ := b.loaded()
	g.clock.Advance(2 * recheck)
	g.idp.Set(func(p *oidctest.IDP) {
		p.Claims = map[string]any{"auth_time": p.Now().Unix(), "amr": []string{"mfa"}, "acr": "gold", "nonce": nil}
	})
	b.user()
	after, _ := b.loaded()
	if !after.GroupsAsOf.After(before.GroupsAsOf) {
		t.Fatal("not renewed")
	}
	if !after.AuthTime.Equal(before.AuthTime) || after.AMR[0] != "pwd" || after.ACR != "" || !after.Created.Equal(before.Created) || after.Kind != before.Kind {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
}

// TestRecheckKeepsARotatedToken: the store is away just when the provider has rotated the refresh token; the renewal waits
// for the store, and nobody is signed out by it.
func TestRecheckKeepsARotatedToken(t *testing.T) {
	g, b := recheckGateway(t)
	hang := make(chan struct{})
	g.idp.Set(func(p *oidctest.IDP) {
		p.Hang = hang
		p.Claims = map[string]any{"preferred_username": "grace", "nonce": nil}
		p.TokenBody = map[string]any{"refresh_token": "refresh-2"}
	})
	g.clock.Advance(recheck)
	b.user()
	storetest.Until(t, "the provider is asked", func() bool { return g.idp.Count("/token") == 2 })
	g.store.Fail(errors.New("out"))
	g.idp.Set(func(p *oidctest.IDP) { p.Hang = nil })
	close(hang)
	if r := b.get("/"); r.status != http.StatusServiceUnavailable {
		t.Errorf("store away: %d", r.status)
	}
	g.store.Fail(nil)
	storetest.Until(t, "the app sees the new name", func() bool { return b.user() == "app: grace persistent" })
	if n := g.idp.Count("/token"); n != 2 {
		t.Errorf("%d token requests", n)
	}
}

// rechecked holds a session against the age of its claims, as a request does, and returns what it goes on with.
func rechecked(s *Service, who *session.Record, token session.Token) (*session.Record, error) {
	live, err := s.renewer.Recheck(httptest.NewRequest(http.MethodGet, "/", nil), who.Session(), token)
	if err != nil {
		return nil, err
	}
	if live == who.Session() {
		return who, nil
	}
	return live.Record()
}
