package signin

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
)

func claimsOf(t *testing.T, raw string) claimSet {
	t.Helper()
	m, err := parseClaims([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return claimSet{m}
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
		{"a number", "", `{"groups":7}`, nil, false},
		{"an object", "", `{"groups":{"a":1}}`, nil, false},
		{"null", "", `{"groups":null}`, nil, false},
		{"mixed", "", `{"groups":["a",7]}`, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := ClaimsConfig{Groups: c.path}
			got, complete := cfg.groups(claimsOf(t, c.raw))
			if !slices.Equal(got, c.want) || complete != c.complete {
				t.Errorf("got %q, %t; want %q, %t", got, complete, c.want, c.complete)
			}
		})
	}
	many := make([]string, 1_000_000/8)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	raw, err := json.Marshal(map[string]any{"groups": many})
	if err != nil {
		t.Fatal(err)
	}
	got, complete := new(ClaimsConfig).groups(claimsOf(t, string(raw)))
	if len(got) != maxGroups || complete {
		t.Errorf("%d groups, complete %t", len(got), complete)
	}
	got, complete = new(ClaimsConfig).groups(claimsOf(t, `{"groups":["`+strings.Repeat("x", maxGroupSize+1)+`","a"]}`))
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
		{"verified unknown", `{"sub":"s","email":"a@x"}`, "a@x", "a@x", false},
		{"not verified", `{"sub":"s","email":"a@x","email_verified":false}`, "s", "", false},
		{"a line break", `{"sub":"s","preferred_username":"a\nb"}`, "s", "", false},
		{"too long", `{"sub":"s","preferred_username":"` + strings.Repeat("x", maxNameSize+1) + `"}`, "s", "", false},
		{"placeholder (A54)", `{"sub":"s","preferred_username":"{env.SECRET}"}`, "{env.SECRET}", "", false},
		{"another type", `{"sub":"s","preferred_username":["a"]}`, "s", "", false},
		{"other case", `{"sub":"s","PREFERRED_USERNAME":"eve"}`, "s", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s session.Session
			new(ClaimsConfig).describe(&s, claimsOf(t, c.raw))
			if s.User != c.user || s.Email != c.email || s.EmailVerified != c.verified {
				t.Errorf("got %q, %q, %t", s.User, s.Email, s.EmailVerified)
			}
			s.Identity.Subject = "s"
			if slices.Contains(s.Names(), "a@x") != c.verified || slices.Contains(s.Claimed(), "a@x") != (!c.verified && c.email != "") {
				t.Errorf("names %q, claimed %q", s.Names(), s.Claimed())
			}
			if len(s.Names()) == 0 {
				t.Error("no rule can name them")
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
		want  signals
		guest bool
	}{
		{`{}`, signals{}, false},
		{`{"amr":["mfa","wia"]}`, signals{iwa: true}, false},
		{`{"amr":"wia"}`, signals{iwa: true}, false},
		{`{"amr":["wiaormfa"]}`, signals{}, false},
		{`{"risk":"high"}`, signals{highRisk: true}, false},
		{`{"user_risk":"high","risk":"low"}`, signals{highRisk: true}, false},
		{`{"risk":"hidden"}`, signals{}, false},
		{`{"device":{"shared":true}}`, signals{sharedDevice: true}, false},
		{`{"device":{"shared":"false"}}`, signals{}, false},
		{`{"signin_state":["inknownntwk","kmsi"]}`, signals{inherited: true}, false},
		{`{"signin_state":"kmsi"}`, signals{inherited: true}, false},
		{`{"acct":1}`, signals{}, true},
		{`{"acct":"1"}`, signals{}, true},
		{`{"acct":0}`, signals{}, false},
	} {
		set := claimsOf(t, c.raw)
		if got := cfg.signals(set); got != c.want {
			t.Errorf("%s: got %+v", c.raw, got)
		}
		var s session.Session
		if cfg.describe(&s, set); s.Guest != c.guest {
			t.Errorf("%s: guest %t", c.raw, s.Guest)
		}
	}
}

func TestJoinList(t *testing.T) {
	for want, list := range map[string][]string{
		"": nil, "a,b": {"a", "b"}, "a%2Cb,c": {"a,b", "c"}, "100%25": {"100%"}, "a%0D%0Ab": {"a\r\nb"}, "größe": {"größe"}, "{env.X}": {"{env.X}"},
	} {
		if got := JoinList(list); got != want {
			t.Errorf("%q: got %q, want %q", list, got, want)
		}
	}
}

func TestClaimText(t *testing.T) {
	s := &session.Session{Claims: []byte(`{"a":"x","n":7,"l":["a,b","c"],"o":{"p":true},"bad":"a\nb"}`), UserInfo: []byte(`{"a":"y","u":"z"}`)}
	for path, want := range map[string]string{"a": "x", "n": "7", "l": "a%2Cb,c", "o.p": "true", "o": "", "u": "z", "bad": "", "none": ""} {
		if got := ClaimText(s, path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}
