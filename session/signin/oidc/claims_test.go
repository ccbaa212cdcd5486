package oidc

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

func claimsOf(t *testing.T, raw string) claim.Set {
	t.Helper()
	m, err := claim.Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return claim.Set{m}
}

// TestGroups holds A6: what the provider could not send in full, or sent in a form we do not know, is unknown and not
// empty.
func TestGroups(t *testing.T) {
	for _, c := range []struct {
		name, path, raw string
		want            []string
		complete        bool
	}{
		{"a list", "", `{"groups":["a","b "]}`, []string{"a", "b "}, true},
		{"a string", "", `{"groups":"a"}`, []string{"a"}, true},
		{"none", "", `{}`, nil, true},
		{"dotted", "realm_access.roles", `{"realm_access":{"roles":["a"]}}`, []string{"a"}, true},
		{"dots in the name", "https://x.example/groups", `{"https://x.example/groups":["a"]}`, []string{"a"}, true},
		{"pointer", "", `{"_claim_names":{"groups":"src1"},"_claim_sources":{"src1":{"endpoint":"https://graph"}}}`, nil, false},
		{"pointer for another claim", "", `{"groups":["a"],"_claim_names":{"photo":"src1"}}`, []string{"a"}, true},
		{"pointer of a wrong type", "", `{"_claim_names":7}`, nil, false},
		{"hasgroups", "", `{"hasgroups":true}`, nil, false},
		{"hasgroups as text", "", `{"hasgroups":"true"}`, nil, false},
		{"a number", "", `{"groups":7}`, []string{"7"}, true},
		{"null in a list (field trial 1.14)", "", `{"groups":["a",null]}`, []string{"a"}, true},
		{"objects (field trial 1.26)", "roles[*].name", `{"roles":[{"name":"a"},{"name":"b","id":1}]}`, []string{"a", "b"}, true},
		{"one object", "roles[*].name", `{"roles":{"name":"a"}}`, []string{"a"}, true},
		{"an object without the name", "roles[*].name", `{"roles":[{"name":"a"},{"id":1}]}`, nil, false},
		{"keys of an object", "urn:x:roles[keys]", `{"urn:x:roles":{"b":{"7":"x"},"a":{}}}`, []string{"a", "b"}, true},
		{"keys of no object", "roles[keys]", `{"roles":["a"]}`, nil, false},
		{"lists in objects", "teams[*].groups[*].name", `{"teams":[{"groups":[{"name":"a"},{"name":"b"}]},{"groups":[]}]}`, []string{"a", "b"}, true},
		{"objects, none", "roles[*].name", `{"roles":[]}`, nil, true},
		{"an object", "", `{"groups":{"a":1}}`, nil, false},
		{"null", "", `{"groups":null}`, nil, true},
		{"null in place of a list that did not fit", "", `{"\u0000":null,"groups":null}`, nil, false},
		{"null, with a pointer", "", `{"groups":null,"_claim_names":{"groups":"src1"}}`, nil, false},
		{"mixed", "", `{"groups":["a",7]}`, []string{"a", "7"}, true},
		{"objects by the wrong path", "", `{"groups":[{"name":"a"}]}`, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := ClaimsConfig{Groups: c.path}
			got, complete, state := cfg.groups(claimsOf(t, c.raw))
			if !slices.Equal(got, c.want) || complete != c.complete {
				t.Errorf("got %q, %t; want %q, %t", got, complete, c.want, c.complete)
			}
			if pointer := strings.Contains(c.raw, "_claim_names") || strings.Contains(c.raw, "hasgroups"); (state == claim.Unclear) != (!c.complete && !pointer) {
				t.Errorf("state %d", state) // 1.26: what cannot be read is no overage
			}
		})
	}
	// null in one source leaves the groups to the next one.
	two := claim.Set{claimsOf(t, `{"groups":null,"preferred_username":"a"}`)[0], claimsOf(t, `{"groups":["a"]}`)[0]}
	if got, complete, state := new(ClaimsConfig).groups(two); !slices.Equal(got, []string{"a"}) || !complete || state != claim.Known {
		t.Errorf("null before a list: %q, %t, state %d", got, complete, state)
	}
	if !new(ClaimsConfig).complete(two) || new(ClaimsConfig).complete(two[:1]) {
		t.Error("null says groups")
	}
	var s session.Record
	AccessTokens{Provider: &Provider{Config: Config{Claims: ClaimsConfig{}}}}.Read(&s, two[:1])
	if s.GroupsComplete {
		t.Error("an access token with null says that there are no groups (A6)")
	}
	many := make([]string, 1_000_000/8)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	raw, err := json.Marshal(map[string]any{"groups": many})
	if err != nil {
		t.Fatal(err)
	}
	got, complete, _ := new(ClaimsConfig).groups(claimsOf(t, string(raw)))
	if len(got) != maxGroups || complete {
		t.Errorf("%d groups, complete %t", len(got), complete)
	}
	got, complete, _ = new(ClaimsConfig).groups(claimsOf(t, `{"groups":["`+strings.Repeat("x", maxGroupSize+1)+`","a"]}`))
	if !slices.Equal(got, []string{"a"}) || complete {
		t.Errorf("an oversized group: %d groups, complete %t", len(got), complete)
	}
}

// TestDescribe: who somebody is called. What may not be shown is left out, and an address that anybody may claim names
// nobody (A10).
func TestDescribe(t *testing.T) {
	for _, c := range []struct {
		name, raw   string
		user, email string
		verified    bool
	}{
		{"all", `{"sub":"s","preferred_username":"ada","email":"a@x","email_verified":true}`, "ada", "a@x", true},
		{"by mail", `{"sub":"s","email":"a@x","email_verified":true}`, "a@x", "a@x", true},
		{"verified as text", `{"sub":"s","email":"a@x","email_verified":"true"}`, "a@x", "a@x", true},
		{"verified as a number", `{"sub":"s","email":"a@x","email_verified":1}`, "a@x", "a@x", true},
		{"verified in other spellings", `{"sub":"s","email":"a@x","email_verified":" True "}`, "a@x", "a@x", true},
		{"verified in a list", `{"sub":"s","email":"a@x","email_verified":["yes"]}`, "a@x", "a@x", true},
		{"verified in no known word", `{"sub":"s","email":"a@x","email_verified":"maybe"}`, "s", "", false},
		{"verified null", `{"sub":"s","email":"a@x","email_verified":null}`, "s", "", false},
		{"verified empty", `{"sub":"s","email":"a@x","email_verified":""}`, "s", "", false},
		{"verified contradictory", `{"sub":"s","email":"a@x","email_verified":[true,false]}`, "s", "", false},
		{"not verified as a number", `{"sub":"s","email":"a@x","email_verified":0}`, "s", "", false},
		{"another address as a name (field trial 2.5)", `{"sub":"s","preferred_username":"boss@x","email":"a@x","email_verified":true}`, "a@x", "a@x", true},
		{"the address as a name", `{"sub":"s","preferred_username":"A@X","email":"a@x","email_verified":true}`, "A@X", "a@x", true},
		{"the address as a name, not verified", `{"sub":"s","preferred_username":"A@X","email":"a@x","email_verified":false}`, "s", "", false},
		{"an address as a name, nothing verified", `{"sub":"s","preferred_username":"boss@x"}`, "boss@x", "", false},
		{"verified unknown", `{"sub":"s","email":"a@x"}`, "a@x", "a@x", false},
		{"not verified", `{"sub":"s","email":"a@x","email_verified":false}`, "s", "", false},
		{"a line break", `{"sub":"s","preferred_username":"a\nb"}`, "s", "", false},
		{"too long", `{"sub":"s","preferred_username":"` + strings.Repeat("x", claim.MaxText+1) + `"}`, "s", "", false},
		{"placeholder (A54)", `{"sub":"s","preferred_username":"{env.SECRET}"}`, "{env.SECRET}", "", false},
		{"another type", `{"sub":"s","preferred_username":["a"]}`, "s", "", false},
		{"other case", `{"sub":"s","PREFERRED_USERNAME":"eve"}`, "s", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s session.Record
			new(ClaimsConfig).describe(&s, claimsOf(t, c.raw))
			if s.User != c.user || s.Email != c.email || s.EmailVerified != c.verified {
				t.Errorf("got %q, %q, %t", s.User, s.Email, s.EmailVerified)
			}
			s.Identity.Subject = "s"
			fold := func(name string) bool { return strings.EqualFold(name, "a@x") }
			names, claimed := s.Called(false)
			if slices.ContainsFunc(names, fold) != c.verified || slices.ContainsFunc(claimed, fold) != (!c.verified && strings.Contains(c.raw, "a@x")) {
				t.Errorf("names %q, claimed %q", names, claimed)
			}
			if boss := strings.Contains(c.raw, "boss"); slices.Contains(claimed, "boss@x") != boss || slices.Contains(names, "boss@x") || boss && s.AppUser(false) == "boss@x" {
				t.Errorf("names %q, claimed %q, for applications %q", names, claimed, s.AppUser(false))
			}
			trusting := ClaimsConfig{TrustUserNames: true}
			var trusted session.Record
			trusting.describe(&trusted, claimsOf(t, c.raw))
			if names, _ := trusted.Called(true); strings.Contains(c.raw, "boss") && !slices.Contains(names, "boss@x") {
				t.Errorf("trusted: names %q", names)
			}
		})
	}
}

// TestSignals holds A1 to A4 and A7 of the semantics.
func TestSignals(t *testing.T) {
	cfg := ClaimsConfig{
		IWAMethods: []string{"wia"}, SignInRisk: "risk", UserRisk: "user_risk", SharedDevice: "device.shared",
		InheritClaim: "signin_state", InheritValues: []string{"kmsi"}, GuestClaim: "acct", GuestValue: "1",
	}
	for _, c := range []struct {
		raw   string
		want  Signals
		guest bool
	}{
		{`{}`, Signals{}, false},
		{`{"amr":["mfa","wia"]}`, Signals{IWA: true}, false},
		{`{"amr":"wia"}`, Signals{IWA: true}, false},
		{`{"amr":["wiaormfa"]}`, Signals{}, false},
		{`{"risk":"high"}`, Signals{HighRisk: true}, false},
		{`{"user_risk":"high","risk":"low"}`, Signals{HighRisk: true}, false},
		{`{"risk":"hidden"}`, Signals{}, false},
		{`{"device":{"shared":true}}`, Signals{SharedDevice: true}, false},
		{`{"device":{"shared":"false"}}`, Signals{}, false},
		{`{"risk":"High"}`, Signals{HighRisk: true}, false},
		{`{"risk":["low","HIGH"]}`, Signals{HighRisk: true}, false},
		{`{"risk":"critical"}`, Signals{HighRisk: true}, false},
		{`{"risk":9}`, Signals{HighRisk: true}, false},
		{`{"risk":null,"user_risk":""}`, Signals{}, false},
		{`{"device":{"shared":"Yes"}}`, Signals{SharedDevice: true}, false},
		{`{"device":{"shared":1}}`, Signals{SharedDevice: true}, false},
		{`{"device":{"shared":"No"}}`, Signals{}, false},
		{`{"device":{"shared":"perhaps"}}`, Signals{SharedDevice: true}, false},
		{`{"amr":["WIA"]}`, Signals{IWA: true}, false},
		{`{"signin_state":["KMSI"]}`, Signals{Inherited: true}, false},
		{`{"signin_state":{"kmsi":true}}`, Signals{}, false},
		{`{"acct":[0,1]}`, Signals{}, true},
		{`{"acct":true}`, Signals{}, true},
		{`{"signin_state":["inknownntwk","kmsi"]}`, Signals{Inherited: true}, false},
		{`{"signin_state":"kmsi"}`, Signals{Inherited: true}, false},
		{`{"acct":1}`, Signals{}, true},
		{`{"acct":"1"}`, Signals{}, true},
		{`{"acct":0}`, Signals{}, false},
	} {
		set := claimsOf(t, c.raw)
		if got := cfg.Signals(set); got != c.want {
			t.Errorf("%s: got %+v", c.raw, got)
		}
		var s session.Record
		if cfg.describe(&s, set); s.Guest != c.guest {
			t.Errorf("%s: guest %t", c.raw, s.Guest)
		}
	}
}

func TestClaimValue(t *testing.T) {
	s := &session.Record{Claims: []byte(`{"a":"x","n":7,"l":["a,b","c"],"o":{"p":true},"bad":"a\nb"}`), UserInfo: []byte(`{"a":"y","u":"z"}`)}
	for path, want := range map[string]string{"a": "x", "n": "7", "l": " a,b|c", "o.p": "true", "o": "", "u": "z", "bad": "", "none": ""} {
		got, list := ClaimValue(s, path)
		if list != nil {
			got += " " + strings.Join(list, "|")
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

// Field trial 1.4: a value that is no known word is told of once, and is neither a yes nor a no.
func TestUnclearClaims(t *testing.T) {
	cfg := ClaimsConfig{
		GuestClaim: "guest", GuestValue: "true", SignInRisk: "risk", UserRisk: "user_risk", Compliant: "compliant", Managed: "managed", SharedDevice: "shared",
	}
	var s session.Record
	unclear := cfg.describe(&s, claimsOf(t, `{"guest":"sometimes","risk":"critical","user_risk":{},"compliant":"2","managed":"TRUE","shared":[],"email_verified":7}`))
	if s.Guest || !s.GuestUnclear || s.SignInRisk != session.Unreadable || s.UserRisk != session.Unreadable ||
		s.Compliant != session.Unreadable || s.Managed != "true" || s.Shared != session.Unreadable {
		t.Errorf("%+v", s)
	}
	want := []string{"email_verified", "guest_claim", "risk_claim sign_in", "risk_claim user", "device_claim compliant", "device_claim shared"}
	if !slices.Equal(unclear, want) {
		t.Errorf("unclear: %q", unclear)
	}
	core, logs := observer.New(zap.WarnLevel)
	p := New(Config{Name: "main", Logger: zap.New(core)})
	for range 3 {
		p.warnUnclear(unclear)
	}
	if logs.Len() != len(want) || strings.Contains(fmt.Sprint(logs.All()), "critical") {
		t.Errorf("%d warnings: %v", logs.Len(), logs.All())
	}
}

// Field trial 1.4: for whatever value a claim has, what the record says is a yes or a no only for a known word, and of
// known words in the end their meaning.
func TestUnclearIsNeverAnAnswer(t *testing.T) {
	yes, no := []string{"true", "yes", "1"}, []string{"false", "no", "0"}
	value := rapid.OneOf(
		rapid.Map(rapid.SampledFrom([]string{"true", "True", " YES ", "yes", "1", "false", "FALSE", "No", "0", "maybe", "2", "on", "", "none", "High", "critical"}), func(s string) any { return s }),
		rapid.Map(rapid.SampledFrom([]float64{0, 1, 2, 1.5}), func(f float64) any { return f }),
		rapid.SampledFrom([]any{true, false, nil, map[string]any{"a": true}, []any{}, []any{true}, []any{true, "no"}, []any{nil}, []any{"YES", 1}}),
	)
	cfg := ClaimsConfig{Compliant: "c", SharedDevice: "c", SignInRisk: "c", GuestClaim: "c", GuestValue: "true", InheritClaim: "c", InheritValues: []string{"true"}}
	rapid.Check(t, func(rt *rapid.T) {
		v := value.Draw(rt, "value")
		raw, err := json.Marshal(map[string]any{"c": v, "email": "a@x", "email_verified": v})
		if err != nil {
			rt.Fatal(err)
		}
		set := claimsOf(t, string(raw))
		var s session.Record
		cfg.describe(&s, set)
		sig := cfg.Signals(set)
		words := []any{v}
		if list, ok := v.([]any); ok {
			words = list
		}
		says := func(meaning []string) bool {
			for _, w := range words {
				if !slices.Contains(meaning, strings.ToLower(strings.TrimSpace(fmt.Sprint(w)))) {
					return false
				}
			}
			return len(words) > 0
		}
		nothing := v == nil || v == ""
		switch {
		case (s.Compliant == "true") != says(yes), (s.Compliant == "false") != says(no), (s.Compliant == "") != nothing:
			rt.Fatalf("%s: compliant %q", raw, s.Compliant)
		case s.EmailVerified != says(yes):
			rt.Fatalf("%s: verified %t", raw, s.EmailVerified)
		case sig.SharedDevice != (!says(no) && !nothing):
			rt.Fatalf("%s: shared %t", raw, sig.SharedDevice) // hides the prompt, so it restricts
		case says(yes) != (s.Guest && len(words) == 1) && !s.Guest, says(no) && (s.Guest || s.GuestUnclear):
			rt.Fatalf("%s: guest %t, unclear %t", raw, s.Guest, s.GuestUnclear)
		case !s.Guest && !s.GuestUnclear && !says(no) && !nothing:
			rt.Fatalf("%s: a guest that is none", raw)
		case s.SignInRisk == "" && !nothing:
			rt.Fatalf("%s: no risk", raw)
		}
	})
}

func TestBoundGroups(t *testing.T) {
	if got, complete := boundGroups([]string{"a", strings.Repeat("x", maxGroupSize+1), "b"}); complete || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%v, %t", got, complete)
	}
	wide := make([]string, maxGroups)
	for i := range wide {
		wide[i] = strings.Repeat("x", maxGroupSize)
	}
	if got, complete := boundGroups(wide); complete || len(got)*maxGroupSize/2 > maxGroupBytes {
		t.Errorf("%d wide groups, %t", len(got), complete)
	}
}
