package signin

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// Field trial 1.2 and 4.1: without an ID token, what userinfo says replaces what it said before and what the first ID
// token said of the same; the rest of the first ID token stays. Groups that a source had and does not state any more go.
func TestRefreshWithoutIDToken(t *testing.T) {
	type claims = map[string]any
	for name, test := range map[string]struct {
		first, before, now claims // of the ID token, and of userinfo at sign-in and later
		user               string
		groups             []string
		header             string // what the app gets of the claim department
		hint               bool   // the id_token_hint is still the provider's
	}{
		"groups of the ID token alone stay": {
			first: claims{"groups": []string{"staff"}, "preferred_username": nil, "department": "d1"}, before: claims{"email": "a@example.com"},
			now: claims{"email": "a@example.com"}, user: "a@example.com", groups: []string{"staff"}, header: "d1", hint: true,
		},
		"groups of userinfo are what it says now": {
			first: claims{"groups": nil}, before: claims{"groups": []string{"staff", "root"}}, now: claims{"groups": []string{"staff"}},
			user: "ada", groups: []string{"staff"}, hint: true,
		},
		"groups that userinfo had are gone with it": {
			first: claims{"groups": nil}, before: claims{"groups": []string{"root"}}, now: claims{}, user: "ada", hint: true,
		},
		"groups of both are gone when userinfo has none": {
			first:  claims{"groups": []string{"root"}, "preferred_username": nil},
			before: claims{"groups": []string{"root"}, "preferred_username": "ada"},
			now:    claims{"preferred_username": "ada"}, user: "ada",
		},
		"a later word of userinfo counts": {
			first:  claims{"groups": []string{"root"}, "department": "d1"},
			before: claims{}, now: claims{"groups": []string{"staff"}, "department": "d2"}, user: "ada", groups: []string{"staff"}, header: "d2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, func(s *settings) {
				s.recheck = recheck
				s.idp = oidctest.New(t, s.clock.Now)
				s.idp.Claims, s.idp.UserInfo = test.first, claims{"sub": "s-1"}
				for k, v := range test.before {
					s.idp.UserInfo[k] = v
				}
			})
			b := g.browser()
			b.signIn("yes")
			before, _ := b.loaded()
			info := claims{"sub": "s-1"}
			for k, v := range test.now {
				info[k] = v
			}
			g.idp.Set(func(p *oidctest.IDP) {
				p.UserInfo, p.TokenBody = info, claims{"id_token": nil, "refresh_token": "refresh-2"}
			})
			for range 2 { // a second renewal starts from what the first has kept
				g.clock.Advance(2 * recheck)
				b.user()
			}
			who, token := b.loaded()
			if who.User != test.user || !slices.Equal(who.Groups, test.groups) || !who.GroupsComplete {
				t.Errorf("%s of %v (%v)", who.User, who.Groups, who.GroupsComplete)
			}
			if got, _ := oidc.ClaimValue(who, "department"); got != test.header {
				t.Errorf("the app gets %q", got)
			}
			tokens, err := g.service.Sessions.Tokens(who, token)
			if err != nil || tokens.Refresh != "refresh-2" || (oidc.JoinIDToken(who.Claims, tokens) != "") != test.hint {
				t.Errorf("tokens %+v, %v", tokens, err)
			}
			if !who.LastAnswer().Equal(g.clock.Now().Truncate(time.Millisecond)) || who.Identity != before.Identity || !who.AuthTime.Equal(before.AuthTime) {
				t.Errorf("last answer %v, %+v", who.LastAnswer(), who.Identity)
			}
			if n := g.idp.Count("/token"); n != 3 {
				t.Errorf("%d token requests", n)
			}
		})
	}
}

// Groups that did not fit into the token and cannot be fetched during a renewal stay as they were: an outage of Graph
// takes nobody's groups away.
func TestRefreshWhileGraphIsAway(t *testing.T) {
	clock := func(s *settings) {
		s.recheck = recheck
		s.idp = oidctest.New(t, s.clock.Now)
		s.idp.Claims = map[string]any{
			"groups": nil, "_claim_names": map[string]any{"groups": "src1"},
			"_claim_sources": map[string]any{"src1": map[string]string{"endpoint": "https://graph.windows.net/x"}},
		}
		s.idp.Graph, s.idp.GraphStatus = map[string]any{"value": []string{"staff"}}, http.StatusOK
		s.claims.GraphURL = s.idp.URL + "/v1.0"
	}
	g := newGateway(t, clock)
	b := g.browser()
	b.signIn("yes")
	g.idp.Set(func(p *oidctest.IDP) {
		p.GraphStatus, p.Claims["nonce"] = http.StatusServiceUnavailable, nil
		p.TokenBody = map[string]any{"refresh_token": "refresh-2"}
	})
	g.clock.Advance(2 * recheck)
	b.user()
	if who, _ := b.loaded(); !slices.Equal(who.Groups, []string{"staff"}) || !who.GroupsComplete || b.refreshToken() != "refresh-2" {
		t.Errorf("groups %v (%v), token %q", who.Groups, who.GroupsComplete, b.refreshToken())
	}
	g.idp.Set(func(p *oidctest.IDP) {
		p.Graph, p.GraphStatus = map[string]any{"value": []string{"new"}}, http.StatusOK
	})
	g.clock.Advance(2 * recheck)
	b.user()
	if who, _ := b.loaded(); !slices.Equal(who.Groups, []string{"new"}) {
		t.Errorf("afterwards: %v", who.Groups)
	}
}

// Field trial 4.5, 4.6 and 1.2: what an operator should know of a provider is told once, in the log and in its state.
func TestWarnings(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	g := newGateway(t, func(s *settings) { s.recheck = recheck })
	p := g.service.Providers[0]
	p.Logger, g.service.Logger = zap.New(core), zap.New(core)
	g.idp.Set(func(p *oidctest.IDP) { p.TokenBody = map[string]any{"refresh_token": nil} })
	for range 2 {
		g.browser().signIn("yes")
	}
	g.idp.Set(func(p *oidctest.IDP) { p.TokenBody = map[string]any{"refresh_token": strings.Repeat("r", 8<<10+1)} })
	g.browser().signIn("yes")
	g.idp.Set(func(p *oidctest.IDP) { p.TokenBody = nil })
	b := g.browser()
	b.signIn("yes")
	g.idp.Set(func(p *oidctest.IDP) { p.TokenBody = map[string]any{"id_token": nil} })
	for range 2 {
		g.clock.Advance(2 * recheck)
		b.user()
	}
	var told []string
	for _, e := range logs.All() {
		told = append(told, e.ContextMap()["warning"].(string))
	}
	want := []string{"no_refresh_token", "refresh_token_too_large", "renewal_without_groups"}
	if !slices.Equal(told, want) {
		t.Errorf("the log tells %v", told)
	}
	state := p.State().Warnings
	for i, word := range want {
		if len(state) != len(want) || !strings.HasPrefix(state[i], word+": ") {
			t.Errorf("the state tells %q", state)
			break
		}
	}
	if !strings.Contains(state[0], "recheck silent") {
		t.Errorf("no remedy in %q", state[0])
	}
	logs.TakeAll()
	g.idp.Set(func(p *oidctest.IDP) {
		p.TokenFail = map[string]any{"error": "invalid_request", "error_description": "claimed by\nanother client"}
	})
	g.clock.Advance(2 * recheck)
	b.user()
	if e := logs.All(); len(e) != 1 || e[0].ContextMap()["provider_says"] != `claimed by\nanother client` {
		t.Errorf("the provider's words: %v", e)
	}
	stranger := g.browser()
	asked := stranger.toProvider("/")
	r := stranger.get(browser.Base + "/callback?state=" + asked.Get("state") + "&error=invalid_scope&error_description=no%0Asuch+scope")
	if e := logs.TakeAll(); r.status != http.StatusBadGateway || e[len(e)-1].ContextMap()["provider_says"] != `no\nsuch scope` || strings.Contains(r.body, "such scope") {
		t.Errorf("%d, %v", r.status, e)
	}
}

// Field trial 2.4: a renewal that comes with another sid, by token, has the session end with that one.
func TestRefreshWithAnotherSid(t *testing.T) {
	g := newGateway(t, func(s *settings) { s.recheck = recheck })
	b := g.signedInAs("s-1", "sid-1", "yes")
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"sid": "sid-2", "nonce": nil} })
	g.clock.Advance(2 * recheck)
	b.user()
	ended, err := g.service.Sessions.EndByProvider(t.Context(), session.ProviderEnd{
		Issuer: g.idp.URL, ProviderSession: "sid-2", At: g.clock.Now(),
	})
	if err != nil || len(ended) != 1 || b.alive() {
		t.Errorf("ended %v, %v", ended, err)
	}
}
