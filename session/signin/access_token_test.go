package signin

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// forwarding is a gateway whose sites forward the access token, with a user who has signed in. body is merged over the
// answers of the token endpoint; tokens last ten minutes unless it says otherwise.
func forwarding(t *testing.T, keep bool, body map[string]any, change ...func(*settings)) (*gateway, *testBrowser) {
	t.Helper()
	g := newGateway(t, append(change, func(s *settings) {
		s.idp = oidctest.New(t, s.clock.Now)
		s.idp.Claims, s.idp.UserInfo = map[string]any{"at_hash": nil}, map[string]any{"sub": "s-1"}
		s.idp.TokenBody = answer("access-1", body)
		more := s.provider
		s.provider = func(c *oidc.Config) {
			c.KeepAccess = func() bool { return keep }
			if more != nil {
				more(c)
			}
		}
	})...)
	b := g.browser()
	b.signIn("yes")
	return g, b
}

func answer(token string, more map[string]any) map[string]any {
	body := map[string]any{"access_token": token, "expires_in": 600}
	for k, v := range more {
		body[k] = v
	}
	return body
}

// authorization is what the app would get for a request of the user.
func (b *testBrowser) authorization(x *oidc.Exchange) (string, error) {
	b.t.Helper()
	who, token := b.loaded()
	what := ""
	if x != nil {
		what = strings.Join(x.Audience, " ")
	}
	return b.service.AccessTokens().Authorization(httptest.NewRequest(http.MethodGet, "/", nil), who.Session(), token, what, x)
}

// settled polls until the work that goes on beside requests has had an effect.
func (g *gateway) settled(what string, is func() bool) {
	g.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(10 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-limit:
			g.t.Fatal(what + ": never")
		}
	}
}

func jwtOf(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

// A session keeps its access token only if a site forwards it, and only one that an application can use.
func TestKeptAccessToken(t *testing.T) {
	plain := jwtOf(`{"sub":"s-1"}`)
	for name, row := range map[string]struct {
		keep bool
		body map[string]any
		want string
		life time.Duration
	}{
		"no site asks":       {false, nil, "", 0},
		"a site asks":        {true, nil, "access-1", 10 * time.Minute},
		"a JWT":              {true, map[string]any{"access_token": plain}, plain, 10 * time.Minute},
		"no end":             {true, map[string]any{"expires_in": nil}, "access-1", 5 * time.Minute},
		"bound to a key":     {true, map[string]any{"access_token": jwtOf(`{"cnf":{"jkt":"x"}}`)}, "", 0},
		"as large as it may": {true, map[string]any{"access_token": strings.Repeat("a", 8<<10)}, strings.Repeat("a", 8<<10), 10 * time.Minute},
		"too large":          {true, map[string]any{"access_token": strings.Repeat("a", 8<<10+1)}, "", 0},
		"a line break":       {true, map[string]any{"access_token": "a\r\nRemote-User: root"}, "", 0},
		"a space":            {true, map[string]any{"access_token": "a b"}, "", 0},
	} {
		g, b := forwarding(t, row.keep, row.body)
		who, token := b.loaded()
		kept, err := g.service.Sessions.Tokens(who, token)
		if err != nil || kept.Access != row.want || kept.AccessEnds.Sub(kept.AccessFrom) != row.life {
			t.Errorf("%s: %q for %s, %v", name, kept.Access, kept.AccessEnds.Sub(kept.AccessFrom), err)
		}
		warned := strings.Contains(fmt.Sprint(g.service.Providers[0].State().Warnings), "access_token_unusable")
		if warned != (row.keep && row.want == "") {
			t.Errorf("%s: warned %t", name, warned)
		}
		if row.want == "" && row.keep {
			if _, err := b.authorization(nil); !errors.Is(err, access.ErrNoAccessToken) || access.NoSession(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Sessions of a provider whose token no site forwards are as large as before, however large the token is.
func TestSessionsWithoutForwardingAreAsLarge(t *testing.T) {
	size := func(keep bool, token string) int {
		_, b := forwarding(t, keep, map[string]any{"access_token": token})
		who, _ := b.loaded()
		return len(who.SealedTokens())
	}
	short, long := "access-1", strings.Repeat("0123456789+", 300)
	if none, large := size(false, short), size(false, long); none != large {
		t.Errorf("%d bytes of tokens, %d with a large access token", none, large)
	}
	if none, kept := size(false, long), size(true, long); kept < none+200 {
		t.Errorf("%d bytes of tokens, %d with the access token", none, kept)
	}
}

// A token serves until shortly before its end. When a fifth of its life is left it is renewed beside the request, and if it
// has ended before the request. One that has ended never goes to an application.
func TestAccessTokenIsRenewed(t *testing.T) {
	g, b := forwarding(t, true, nil)
	expect := func(want string, asked int) {
		t.Helper()
		if got, err := b.authorization(nil); err != nil || got != "Bearer "+want {
			t.Fatalf("%q, %v, want %s", got, err, want)
		}
		g.settled("the renewal", func() bool { return g.idp.Count("/token") == asked })
	}
	next := func(token string) { g.idp.Set(func(p *oidctest.IDP) { p.TokenBody = answer(token, nil) }) }
	expect("access-1", 1)
	next("access-2")
	g.clock.Advance(8*time.Minute + 50*time.Second)
	expect("access-1", 1) // good for more than a minute
	g.clock.Advance(10 * time.Second)
	expect("access-1", 2) // due: renewed beside this request
	g.settled("the new token", func() bool {
		g.clock.Advance(time.Millisecond)
		got, err := b.authorization(nil)
		return err == nil && got == "Bearer access-2"
	})
	next("access-3")
	g.clock.Advance(10*time.Minute - time.Second)
	expect("access-3", 3) // ended: before this request
	expect("access-3", 3)
}

// Requests at the same time wait for one renewal.
func TestAccessTokenIsRenewedOnce(t *testing.T) {
	g, b := forwarding(t, true, nil)
	g.clock.Advance(time.Hour)
	hang := make(chan struct{})
	g.idp.Set(func(p *oidctest.IDP) { p.Hang, p.TokenBody = hang, answer("access-2", nil) })
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if got, err := b.authorization(nil); err != nil || got != "Bearer access-2" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	g.settled("the renewal", func() bool { return g.idp.Count("/token") == 2 })
	close(hang)
	all.Wait()
	if n := g.idp.Count("/token"); n != 2 {
		t.Errorf("the provider was asked %d times", n)
	}
}

// What a session gets whose token has ended and cannot be renewed.
func TestAccessTokenIsOver(t *testing.T) {
	for name, row := range map[string]struct {
		body   map[string]any
		change func(p *oidctest.IDP)
		want   error
		not    error
	}{
		"the provider is down":      {nil, func(p *oidctest.IDP) { p.Broken["/token"] = true }, oidc.ErrProviderDown, access.ErrTokenOver},
		"there is no refresh token": {map[string]any{"refresh_token": nil}, func(*oidctest.IDP) {}, access.ErrTokenOver, access.ErrNoAccessToken},
		"the refresh token is over": {nil, func(p *oidctest.IDP) { p.TokenFail = map[string]any{"error": "invalid_grant"} }, session.ErrNotFound, access.ErrTokenOver},
		"it is refused in doubt":    {nil, func(p *oidctest.IDP) { p.TokenFail = map[string]any{"error": "access_denied"} }, access.ErrTokenOver, access.ErrNoAccessToken},
		"the new one cannot be used": {nil, func(p *oidctest.IDP) {
			p.TokenBody = answer(jwtOf(`{"cnf":{"x5t#S256":"x"}}`), nil)
		}, access.ErrNoAccessToken, access.ErrTokenOver},
	} {
		g, b := forwarding(t, true, row.body)
		if _, err := b.authorization(nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		g.idp.Set(row.change)
		g.clock.Advance(11 * time.Minute)
		who, token := b.loaded()
		for range 3 { // and the provider is not asked over and over
			live := who.Session()
			if now, err := g.service.Sessions.Load(t.Context(), token); err == nil {
				live = now
			}
			_, err := g.service.AccessTokens().Authorization(httptest.NewRequest(http.MethodGet, "/", nil), live, token, "", nil)
			if !errors.Is(err, row.want) || errors.Is(err, row.not) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := g.idp.Count("/token"); n > 2 {
			t.Errorf("%s: the provider was asked %d times", name, n)
		}
	}
}

// The token of an answer that cannot be verified, or that is about another user, is not kept.
func TestAccessTokenOfAnUnverifiedAnswer(t *testing.T) {
	for name, change := range map[string]func(p *oidctest.IDP){
		"an ID token of another token":  func(p *oidctest.IDP) { p.Claims = map[string]any{"at_hash": oidctest.AccessTokenHash("another")} },
		"an ID token that has ended":    func(p *oidctest.IDP) { p.Claims["exp"] = 1 },
		"userinfo of another user":      func(p *oidctest.IDP) { p.TokenBody["id_token"], p.UserInfo["sub"] = nil, "s-2" },
		"another type of token at once": func(p *oidctest.IDP) { p.TokenBody["token_type"] = "DPoP" },
	} {
		g, b := forwarding(t, true, nil, func(s *settings) { s.recheck = recheck })
		g.idp.Set(func(p *oidctest.IDP) {
			p.TokenBody = answer("access-2", nil)
			change(p)
		})
		g.clock.Advance(11 * time.Minute)
		if got, err := b.authorization(nil); err == nil {
			t.Errorf("%s: the app gets %s", name, got)
		}
		if n := g.idp.Count("/token"); n != 2 {
			t.Errorf("%s: the provider was asked %d times", name, n)
		}
	}
}

// RFC 8693: what an exchange must answer. Everything else gives the application nothing, and is not tried again at once.
func TestExchangeAnswers(t *testing.T) {
	const accessToken = "urn:ietf:params:oauth:token-type:access_token"
	good := map[string]any{"access_token": "mail-1", "issued_token_type": accessToken, "token_type": "bearer", "expires_in": 300}
	for name, row := range map[string]struct {
		body map[string]any // merged over good
		fail map[string]any
		want error // nil: the token
		says string
	}{
		"as it must be":            {nil, nil, nil, ""},
		"no type of what is given": {map[string]any{"issued_token_type": nil}, nil, access.ErrNoAccessToken, "issued_token_type"},
		"another type":             {map[string]any{"issued_token_type": "urn:ietf:params:oauth:token-type:id_token"}, nil, access.ErrNoAccessToken, "issued_token_type"},
		"no bearer token":          {map[string]any{"token_type": "N_A"}, nil, access.ErrNoAccessToken, "token_type"},
		"a bound token":            {map[string]any{"access_token": jwtOf(`{"cnf":{"jkt":"x"}}`)}, nil, access.ErrNoAccessToken, "application can use"},
		"a line break":             {map[string]any{"access_token": "a\nb"}, nil, access.ErrNoAccessToken, "application can use"},
		"it ends at once":          {map[string]any{"expires_in": 1}, nil, access.ErrNoAccessToken, "ended already"},
		"a refusal":                {nil, map[string]any{"error": "invalid_target", "error_description": "access-1 is not for mail"}, access.ErrNoAccessToken, "invalid_target"},
		"an outage":                {nil, map[string]any{"error": "temporarily_unavailable"}, oidc.ErrProviderDown, "temporarily_unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			core, logs := observer.New(zap.WarnLevel)
			g, b := forwarding(t, true, nil)
			g.service.Logger = zap.New(core)
			results := map[string]int{}
			g.service.OnExchange = func(_, result string) { results[result]++ }
			body := map[string]any{}
			for _, m := range []map[string]any{good, row.body} {
				for k, v := range m {
					body[k] = v
				}
			}
			g.idp.Set(func(p *oidctest.IDP) { p.TokenBody, p.TokenFail = body, row.fail })
			x := &oidc.Exchange{Audience: []string{"mail"}, Resource: []string{"https://mail.example.com"}, Scope: []string{"read", "send"}}
			for range 3 {
				got, err := b.authorization(x)
				if row.want == nil && (err != nil || got != "Bearer mail-1") || row.want != nil && !errors.Is(err, row.want) {
					t.Errorf("%q, %v", got, err)
				}
			}
			sent := g.idp.LastToken
			if g.idp.Count("/token") != 2 || sent.Get("subject_token") != "access-1" || sent.Get("subject_token_type") != accessToken ||
				sent.Get("requested_token_type") != accessToken || sent.Get("scope") != "read send" || sent.Get("audience") != "mail" ||
				sent.Get("resource") != "https://mail.example.com" {
				t.Errorf("asked %d times, with %v", g.idp.Count("/token"), sent)
			}
			if len(results) != 1 {
				t.Errorf("counted %v", results)
			}
			text := fmt.Sprint(logs.All())
			if row.want != nil && (logs.Len() != 1 || !strings.Contains(text, row.says)) || strings.Contains(text, "access-1") {
				t.Errorf("the log has %s", text)
			}
		})
	}
}

// An exchanged token is exchanged again before its end, beside a request. When the session ends, it is gone from memory.
func TestExchangedTokenEnds(t *testing.T) {
	g, b := forwarding(t, true, map[string]any{"expires_in": 36000})
	exchanged := func(token string) {
		g.idp.Set(func(p *oidctest.IDP) {
			p.TokenBody = answer(token, map[string]any{"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"})
		})
	}
	x := &oidc.Exchange{Audience: []string{"mail"}}
	is := func(want string) {
		t.Helper()
		if got, err := b.authorization(x); err != nil || got != "Bearer "+want {
			t.Fatalf("%q, %v", got, err)
		}
	}
	exchanged("mail-1")
	is("mail-1")
	exchanged("mail-2")
	g.clock.Advance(9*time.Minute + 30*time.Second)
	is("mail-1")
	g.settled("the exchange", func() bool { return g.idp.Count("/token") == 3 })
	g.settled("its token", func() bool { got, _ := b.authorization(x); return got == "Bearer mail-2" })
	exchanged("mail-3")
	g.clock.Advance(20 * time.Minute)
	is("mail-3")
	if n := g.service.AccessTokens().Held(); n != 2 {
		t.Errorf("%d tokens in memory", n)
	}
	who, _ := b.loaded()
	if err := g.service.Sessions.End(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	if n := g.service.AccessTokens().Held(); n != 0 {
		t.Errorf("%d tokens in memory after the end of the session", n)
	}
}

// A session that ends while its token is exchanged gets none.
func TestExchangeUnderWayAtSignOut(t *testing.T) {
	g, b := forwarding(t, true, nil)
	hang := make(chan struct{})
	g.idp.Set(func(p *oidctest.IDP) {
		p.Hang, p.TokenBody = hang, answer("mail-1", map[string]any{"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"})
	})
	who, _ := b.loaded()
	done := make(chan error, 1)
	go func() {
		_, err := b.authorization(&oidc.Exchange{Audience: []string{"mail"}})
		done <- err
	}()
	g.settled("the exchange", func() bool { return g.idp.Count("/token") == 2 })
	if err := g.service.Sessions.End(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	close(hang)
	if err := <-done; !access.Over(err) {
		t.Errorf("the request goes on: %v", err)
	}
}
