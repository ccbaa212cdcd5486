package signin

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// keptClaims is how many bytes of claims a session keeps.
const keptClaims = 12 << 10

// manyGroups are more than the claims of a session have room for, and fewer than its list of groups has.
func manyGroups() (groups []string) {
	for i := range 330 {
		groups = append(groups, fmt.Sprintf("%08d-0000-4000-8000-000000000000", i))
	}
	return groups
}

// Field trial 1.6: claims that are too large to keep cost a session nothing that the configuration names, at sign-in and
// at each kind of renewal, whatever takes up the room.
func TestLargeClaimsKeepWhatIsNamed(t *testing.T) {
	type claims = map[string]any
	picture := strings.Repeat("p", 2*keptClaims)
	for name, test := range map[string]struct {
		first, userinfo claims
		// noToken: a renewal brings userinfo alone. later is what userinfo says then.
		noToken bool
		later   claims
		groups  []string
		dept    string // after the renewal
		dropped string
	}{
		"a picture in the ID token":              {first: claims{"picture": picture}, groups: []string{"staff"}, dept: "d1", dropped: "picture"},
		"330 groups":                             {first: claims{"groups": manyGroups()}, groups: manyGroups(), dept: "d1", dropped: "[groups "},
		"330 groups, and no ID token at renewal": {first: claims{"groups": manyGroups()}, userinfo: claims{}, noToken: true, later: claims{}, groups: manyGroups(), dept: "d1", dropped: "[groups "},
		"330 groups, and userinfo has news":      {first: claims{"groups": manyGroups(), "preferred_username": nil}, userinfo: claims{"preferred_username": "ada"}, noToken: true, later: claims{"preferred_username": "ada", "org": claims{"dept": "d2"}}, groups: manyGroups(), dept: "d2", dropped: "[groups "},
		"330 groups that userinfo states":        {first: claims{"groups": manyGroups(), "preferred_username": nil}, userinfo: claims{"preferred_username": "ada"}, noToken: true, later: claims{"preferred_username": "ada", "groups": []string{"few"}}, groups: []string{"few"}, dept: "d1"},
		"a picture in userinfo": {
			first: claims{"groups": nil}, userinfo: claims{"picture": picture, "groups": []string{"staff"}, "org": claims{"dept": "d3"}}, noToken: true,
			later: claims{"picture": picture, "groups": []string{"staff"}, "org": claims{"dept": "d4"}}, groups: []string{"staff"}, dept: "d4", dropped: "picture",
		},
	} {
		t.Run(name, func(t *testing.T) {
			core, logs := observer.New(zap.InfoLevel)
			g := newGateway(t, func(s *settings) {
				s.recheck = recheck
				s.idp = oidctest.New(t, s.clock.Now)
				s.idp.Claims = claims{"org": claims{"dept": "d1"}, "amr": []string{"pwd", "mfa"}}
				for k, v := range test.first {
					s.idp.Claims[k] = v
				}
				s.idp.UserInfo = with(test.userinfo)
				s.claims = oidc.ClaimsConfig{InheritClaim: "signin_state", InheritValues: []string{"kmsi"}}
				s.provider = func(p *oidc.Config) {
					p.HeaderClaims = func() []string { return []string{"org.dept", "absent"} }
					p.Logger = zap.New(core)
				}
			})
			b := g.browser()
			b.signIn("yes")
			check := func(dept string, groups []string) {
				t.Helper()
				who, token := b.loaded()
				if got := claimText(who, "org.dept"); got != dept {
					t.Errorf("the app gets %q, want %q", got, dept)
				}
				if got := claimText(who, "picture") + claimText(who, "absent"); got != "" {
					t.Errorf("kept although nothing names it: %.20q", got)
				}
				if who.User != "ada" || !slices.Equal(who.Groups, groups) || !who.GroupsComplete || !slices.Contains(who.AMR, "mfa") {
					t.Errorf("%s of %d groups (%t), %v", who.User, len(who.Groups), who.GroupsComplete, who.AMR)
				}
				if len(who.Claims) > keptClaims || len(who.UserInfo) > keptClaims {
					t.Errorf("%d and %d bytes", len(who.Claims), len(who.UserInfo))
				}
				tokens, err := g.service.Sessions.Tokens(who, token)
				if err != nil || test.dropped == "picture" && test.first["picture"] != nil && oidc.JoinIDToken(who.Claims, tokens) != "" {
					t.Errorf("an ID token that no key has signed: %v", err)
				}
			}
			atFirst := test.groups
			if g, ok := test.first["groups"].([]string); ok {
				atFirst = g
			}
			check("d1", atFirst) // also where userinfo says otherwise: the ID token goes first
			if n := logs.FilterMessage("claims are larger than a session keeps: what the configuration does not name is dropped").Len(); n != 1 {
				t.Errorf("%d lines: %v", n, logs.All())
			}
			if said := fmt.Sprint(logs.All()); test.dropped != "" && !strings.Contains(said, test.dropped) || strings.Contains(said, "pppp") || strings.Contains(said, "do not fit") {
				t.Errorf("%.500s", said)
			}
			g.idp.Set(func(p *oidctest.IDP) {
				p.Claims["nonce"] = nil
				if test.noToken {
					p.UserInfo, p.TokenBody = with(test.later), claims{"id_token": nil, "refresh_token": "refresh-2"}
				}
			})
			for range 2 {
				g.clock.Advance(2 * recheck)
				if got := b.user(); !strings.HasPrefix(got, "app: ada ") {
					t.Fatal(got)
				}
				check(test.dept, test.groups)
			}
			if n := g.idp.Count("/token"); n != 3 {
				t.Errorf("%d token requests", n)
			}
		})
	}
}

// with is userinfo with claims.
func with(claims map[string]any) map[string]any {
	if claims == nil {
		return nil
	}
	info := map[string]any{"sub": "s-1"}
	for k, v := range claims {
		info[k] = v
	}
	return info
}

// A claim that a header carries and that is itself too large is told of by name, in the log and in the provider's state.
func TestNamedClaimIsTooLarge(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	g := newGateway(t, func(s *settings) {
		s.idp = oidctest.New(t, s.clock.Now)
		s.idp.Claims = map[string]any{"dept": "d1", "photo": strings.Repeat("p", keptClaims)}
		s.provider = func(p *oidc.Config) {
			p.HeaderClaims, p.Logger = func() []string { return []string{"photo", "dept"} }, zap.New(core)
		}
	})
	b := g.browser()
	b.signIn("no")
	who, _ := b.loaded()
	if claimText(who, "dept") != "d1" || claimText(who, "photo") != "" {
		t.Errorf("dept %q, photo %.10q", claimText(who, "dept"), claimText(who, "photo"))
	}
	told := logs.FilterMessage("claims are larger than a session keeps, and claims that the configuration names do not fit: their headers are absent").All()
	if len(told) != 1 || fmt.Sprint(told[0].ContextMap()["too_large"]) != "[photo]" || told[0].ContextMap()["user"] != "ada" {
		t.Errorf("%v", told)
	}
	if warnings := g.service.Providers[0].State().Warnings; len(warnings) != 1 || !strings.HasPrefix(warnings[0], "claim_too_large: ") {
		t.Errorf("%q", warnings)
	}
}

// A claim that decides and that is too large to keep stays decided: a renewal that does not state it changes nothing.
func TestRenewalWithoutLargeDecisiveClaim(t *testing.T) {
	roles := append([]string{"guest"}, manyGroups()...)
	g := newGateway(t, func(s *settings) {
		s.recheck = recheck
		s.idp = oidctest.New(t, s.clock.Now)
		s.idp.Claims, s.idp.UserInfo = map[string]any{"roles": roles, "preferred_username": nil}, with(map[string]any{"preferred_username": "ada"})
		s.claims = oidc.ClaimsConfig{GuestClaim: "roles", GuestValue: "guest"}
	})
	b := g.browser()
	b.callback(b.toProvider("/")) // a guest is not asked
	g.idp.Set(func(p *oidctest.IDP) { p.TokenBody = map[string]any{"id_token": nil, "refresh_token": "refresh-2"} })
	for range 2 {
		if who, _ := b.loaded(); !who.Guest || who.GuestUnclear || !slices.Equal(who.Groups, []string{"staff"}) {
			t.Fatalf("guest %t (%t), %v", who.Guest, who.GuestUnclear, who.Groups)
		}
		g.clock.Advance(2 * recheck)
		b.user()
	}
	if n := g.idp.Count("/token"); n != 3 {
		t.Errorf("%d token requests", n)
	}
	g.idp.Set(func(p *oidctest.IDP) { p.UserInfo["roles"] = []string{"member"} })
	g.clock.Advance(2 * recheck)
	b.user()
	if who, _ := b.loaded(); who.Guest {
		t.Error("a guest whom userinfo calls a member")
	}
}

func claimText(who *session.Record, path string) string {
	text, _ := oidc.ClaimValue(who, path)
	return text
}
