package oidc

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

// What a record and the prompt decision take of claims is the same of those that are kept: a claim that is read one day and
// not named for Reduce fails here.
func TestReducedClaimsDecideTheSame(t *testing.T) {
	cfg := ClaimsConfig{
		User: []string{"upn", "email", "sub"}, GuestClaim: "guest", GuestValue: "true", IWAMethods: []string{"wia"}, MFAMethods: []string{"mfa"},
		SignInRisk: "risk.sign_in", UserRisk: "risk.user", Compliant: "compliant", Managed: "managed", SharedDevice: "shared",
		InheritClaim: "state", InheritValues: []string{"kmsi"},
	}
	names := []string{
		"email_verified", "email", "name", "acr", "amr", "acrs", "sid", "hasgroups", "upn", "sub", "guest", "risk", "compliant", "managed", "shared", "state",
		"groups", "_claim_names", "preferred_username", "login_hint", "roles", "org",
	}
	value := rapid.SampledFrom([]any{nil, true, "true", "no", "a@example.com", "high", "kmsi", []any{"mfa", "wia"}, map[string]any{"sign_in": "high", "user": "low", "groups": "src"}, 7, ""})
	rapid.Check(t, func(rt *rapid.T) {
		raw, err := json.Marshal(rapid.MapOf(rapid.SampledFrom(names), value).Draw(rt, "claims"))
		if err != nil {
			rt.Fatal(err)
		}
		all, err := claim.Parse(raw)
		if err != nil {
			rt.Fatal(err)
		}
		settled := maps.Clone(all)
		cfg.settleGroups(settled)
		kept, err := claim.Parse(claim.Reduce(settled, append(cfg.decisive(), cfg.groupsPath()), maxKeptClaims).Kept)
		if err != nil {
			rt.Fatal(err)
		}
		var want, got session.Record
		unclear := cfg.describe(&want, claim.Set{all})
		if again := cfg.describe(&got, claim.Set{kept}); !slices.Equal(again, unclear) || !reflect.DeepEqual(got, want) {
			rt.Fatalf("%s\n%+v %q\n%+v %q", raw, want, unclear, got, again)
		}
		if cfg.Signals(claim.Set{all}) != cfg.Signals(claim.Set{kept}) {
			rt.Fatalf("%s: other signals", raw)
		}
	})
}

// Null in place of groups does not become groups that did not fit when large claims are reduced.
func TestReducedNullGroups(t *testing.T) {
	p := &Provider{Config: Config{Logger: zap.NewNop(), Now: time.Now}}
	a := &Answer{Draft: session.Record{UserInfo: []byte(`{"groups":null,"picture":"` + strings.Repeat("x", maxKeptClaims) + `"}`)}}
	p.bound(a)
	kept, err := claim.Parse(a.Draft.UserInfo)
	if err != nil || len(a.Draft.UserInfo) > maxKeptClaims || claim.Lacks(kept, "groups") {
		t.Errorf("%d bytes, %.60s, %v", len(a.Draft.UserInfo), a.Draft.UserInfo, err)
	}
	if groups, complete, state := p.Claims.groups(claim.Set{kept}); len(groups) > 0 || !complete || state != claim.Absent {
		t.Errorf("%q, %t, state %d", groups, complete, state)
	}
}
