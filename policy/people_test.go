package policy

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Field trial 1.3, 1.12, 2.5: how names, subjects, domains and providers name people in allow and deny.
func TestPeople(t *testing.T) {
	for name, c := range map[string]struct {
		who         Who
		user        User
		allow, deny bool // whether `allow` lets in, `deny` keeps out
	}{
		"another case":              {Who{Kind: WhoUser, Name: "sam@example.com"}, User{Names: []string{"Sam@Example.COM"}}, true, true},
		"beyond ASCII":              {Who{Kind: WhoUser, Name: "ÄRGER"}, User{Names: []string{"ärger"}}, true, true},
		"a subject":                 {Who{Kind: WhoUser, Name: "AbC"}, User{ID: "AbC"}, true, true},
		"a subject in another case": {Who{Kind: WhoUser, Name: "AbC"}, User{ID: "abc"}, false, false},
		"a group in another case":   {Who{Kind: WhoGroup, Name: "Admins"}, User{Groups: []string{"admins"}}, false, false},
		"a letter that resembles":   {Who{Kind: WhoUser, Name: "mark"}, User{Names: []string{"mar\u212a"}}, false, true},
		"claimed, another case":     {Who{Kind: WhoUser, Name: "sam@example.com"}, User{Claimed: []string{"SAM@example.com"}}, false, true},
		"a domain":                  {Who{Kind: WhoDomain, Name: "contractors.example"}, User{Names: []string{"sam@Contractors.Example."}}, true, true},
		"a domain, configured so":   {Who{Kind: WhoDomain, Name: "CONTRACTORS.example."}, User{Names: []string{"sam@contractors.example"}}, true, true},
		"a domain, claimed":         {Who{Kind: WhoDomain, Name: "contractors.example"}, User{Claimed: []string{"sam@contractors.example"}}, false, true},
		"a subdomain":               {Who{Kind: WhoDomain, Name: "contractors.example"}, User{Names: []string{"sam@a.contractors.example"}}, false, false},
		"another's end":             {Who{Kind: WhoDomain, Name: "example.com"}, User{Names: []string{"sam@badexample.com"}}, false, false},
		"international":             {Who{Kind: WhoDomain, Name: "bücher.example"}, User{Names: []string{"sam@xn--bcher-kva.example"}}, true, true},
		"two at signs":              {Who{Kind: WhoDomain, Name: "example.com"}, User{Names: []string{"sam@example.com@evil.example"}}, false, false},
		"a subject with a domain":   {Who{Kind: WhoDomain, Name: "example.com"}, User{ID: "sam@example.com"}, false, false},
		"of its provider":           {Who{Kind: WhoGroup, Name: "admins", Provider: "entra"}, User{Groups: []string{"admins"}, Provider: "entra"}, true, true},
		"of another provider":       {Who{Kind: WhoGroup, Name: "admins", Provider: "entra"}, User{Groups: []string{"admins"}, Provider: "partner"}, false, false},
		"user of another provider":  {Who{Kind: WhoUser, Name: "sam", Provider: "entra"}, User{ID: "sam", Names: []string{"sam"}, Provider: "partner"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.user.GroupsKnown = true
			for word, s := range map[string]Site{"allow": {App: "a", Allow: []Who{c.who}}, "deny": {App: "a", Deny: []Who{c.who}}} {
				set, err := Compile(Config{Sites: []Site{s}})
				if err != nil {
					t.Fatal(err)
				}
				d := set.Evaluate(&Request{Subject: set.Resolve(c.user), App: "a", Time: time.Unix(1, 0)})
				want := word == "allow" && c.allow || word == "deny" && !c.deny
				if (d.Verdict == Allow) != want {
					t.Errorf("%s: %v %s", word, d.Verdict, d.Reason)
				}
			}
		})
	}
}

// Field trial 1.4: what cannot be read restricts as if it held and opens nothing.
func TestUnreadable(t *testing.T) {
	block := Policy{Name: "p", Block: true}
	always := Policy{Name: "p", PersistentBrowser: Always}
	for name, c := range map[string]struct {
		when func(*Policy)
		r    Request
		u    User
	}{
		"sign-in risk":   {func(p *Policy) { p.Conditions.SignInRisk = []Risk{RiskHigh} }, Request{SignInRisk: RiskUnreadable}, User{GroupsKnown: true}},
		"user risk":      {func(p *Policy) { p.Conditions.UserRisk = []Risk{RiskUnknown} }, Request{UserRisk: RiskUnreadable}, User{GroupsKnown: true}},
		"a device":       {func(p *Policy) { p.Conditions.Devices = []DeviceCondition{{Attribute: Shared}} }, Request{Device: Device{Shared: Unreadable}}, User{GroupsKnown: true}},
		"not a device":   {func(p *Policy) { p.Conditions.Devices = []DeviceCondition{{Attribute: Managed, Not: true}} }, Request{Device: Device{Managed: Unreadable}}, User{GroupsKnown: true}},
		"include guests": {func(p *Policy) { p.Include.Guests = true }, Request{}, User{GroupsKnown: true, GuestUnreadable: true}},
		"exclude guests": {func(p *Policy) { p.Exclude.Guests = true }, Request{}, User{GroupsKnown: true, GuestUnreadable: true}},
		"groups (1.26)":  {func(p *Policy) { p.Include.Groups = []string{"g"} }, Request{}, User{GroupsUnreadable: true}},
	} {
		for _, p := range []Policy{block, always} {
			c.when(&p)
			set, err := Compile(Config{Policies: []Policy{p}, Sites: []Site{{App: "a"}}})
			if err != nil {
				t.Fatal(err)
			}
			c.r.Subject, c.r.App, c.r.Time = set.Resolve(c.u), "a", time.Unix(1, 0)
			d := set.Evaluate(&c.r)
			if p.Block && (d.Verdict != Block || d.Reason != ClaimUnreadable) || d.PersistentBrowser != Unset {
				t.Errorf("%s, block %t: %v %s, persistent %v", name, p.Block, d.Verdict, d.Reason, d.PersistentBrowser)
			}
		}
	}
}

// Field trial 1.3: names are the same at load and at a request as strings.EqualFold has it.
func TestFoldIsEqualFold(t *testing.T) {
	text := rapid.StringOf(rapid.SampledFrom([]rune("aAbBkK\u212asS\u017fßẞÅåÅσςΣéÉ@1İıiI")))
	rapid.Check(t, func(rt *rapid.T) {
		a, b := text.Draw(rt, "a"), text.Draw(rt, "b")
		if (fold(a) == fold(b)) != strings.EqualFold(a, b) || fold(fold(a)) != fold(a) || fold(strings.ToUpper(a)) != fold(fold(strings.ToUpper(a))) {
			rt.Fatalf("%q, %q: %q, %q", a, b, fold(a), fold(b))
		}
	})
}

// Field trial 1.12: a pattern that can match no user is refused with a hint.
func TestNamesThatNameNobody(t *testing.T) {
	for _, c := range []struct {
		who  Who
		hint string
	}{
		{Who{Kind: WhoUser, Name: "*@contractors.example"}, "domain contractors.example"},
		{Who{Kind: WhoUser, Name: "sam*"}, "no wildcards"},
		{Who{Kind: WhoGroup, Name: "wiki-*"}, "no wildcards"},
		{Who{Kind: WhoDomain, Name: "*.example"}, "no wildcards"},
		{Who{Kind: WhoDomain, Name: "@example.com"}, "write it without"},
		{Who{Kind: WhoDomain, Name: "https://example.com/"}, "is no domain"},
	} {
		_, err := Compile(Config{Sites: []Site{{App: "a", Deny: []Who{c.who}}}})
		if err == nil || !strings.Contains(err.Error(), c.hint) {
			t.Errorf("%s: %v", c.who.Name, err)
		}
	}
	_, err := Compile(Config{Sites: []Site{{App: "a", Allow: []Who{{Kind: WhoUser, Name: "Sam"}}, Deny: []Who{{Kind: WhoUser, Name: "sam"}}}}})
	if err == nil {
		t.Error("allowed and denied in two cases")
	}
}
