package signin

import (
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/claim"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// What makes an id_token_hint is kept for providers that take one, and for no other: neither from the sign-in nor from a
// renewal.
func TestHintIsKeptWhereItIsUsed(t *testing.T) {
	for _, tt := range []struct {
		name     string
		metadata map[string]any
		silent   bool
		want     bool
	}{
		{"signs out", nil, false, true},
		{"does not", map[string]any{"end_session_endpoint": nil}, false, false},
		{"does not, and is asked silently", map[string]any{"end_session_endpoint": nil}, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t, func(s *settings) {
				s.recheck, s.idp = recheck, oidctest.New(t, s.clock.Now)
				s.idp.Set(func(p *oidctest.IDP) { p.Metadata = tt.metadata })
			})
			g.service.Providers[0].SilentRecheck = tt.silent
			b := g.browser()
			b.signIn("yes")
			g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"nonce": nil} })
			who, token := b.loaded()
			for _, what := range []string{"sign-in", "renewal"} {
				tokens, err := g.service.Sessions.Tokens(who, token)
				if err != nil || tokens.Refresh == "" {
					t.Fatalf("%s: %+v, %v", what, tokens.Refresh, err)
				}
				if got := oidc.JoinIDToken(who.Claims, tokens) != ""; got != tt.want {
					t.Errorf("%s: kept is %t, want %t", what, got, tt.want)
				}
				claims, err := claim.Parse(who.Claims)
				if err != nil || claims["sub"] == nil || claims["preferred_username"] == nil {
					t.Errorf("%s: of the person it keeps %s, %v", what, who.Claims, err)
				}
				for claim := range claims {
					if oidc.AboutToken(claim) && !tt.want {
						t.Errorf("%s: kept %s, which nobody is shown", what, claim)
					}
				}
				if tt.want && claims["exp"] == nil {
					t.Errorf("%s: the hint lacks what it was signed with: %s", what, who.Claims)
				}
				g.clock.Advance(2 * recheck)
				if who, err = rechecked(g.service, who, token); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
