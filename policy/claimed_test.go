package policy

import (
	"testing"
	"time"
)

// A10: a name that the provider has not verified restricts its user and grants no access.
func TestClaimedNames(t *testing.T) {
	const mail = "ada@example.com"
	users := func(names ...string) Assignment { return Assignment{Users: names} }
	list := func(name string) []Who { return []Who{{Kind: WhoUser, Name: name}} }
	for name, test := range map[string]struct {
		site     Site
		verified Verdict
		claimed  Verdict
	}{
		"allow":                 {Site{App: "wiki", Allow: list(mail)}, Allow, Block},
		"deny":                  {Site{App: "wiki", Deny: list(mail)}, Block, Block},
		"a policy that blocks":  {Site{App: "wiki", Policies: []Policy{{Name: "p", Include: users(mail), Block: true}}}, Block, Block},
		"a way around a policy": {Site{App: "wiki", Policies: []Policy{{Name: "p", Exclude: users(mail), Block: true}}}, Allow, Block},
		"somebody else's name":  {Site{App: "wiki", Deny: list("eve@example.com")}, Allow, Allow},
	} {
		set, err := Compile(Config{Sites: []Site{test.site}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for who, c := range map[string]struct {
			user User
			want Verdict
		}{
			"verified": {User{Names: []string{mail, "sub-1"}, GroupsKnown: true}, test.verified},
			"claimed":  {User{Names: []string{"sub-1"}, Claimed: []string{mail}, GroupsKnown: true}, test.claimed},
		} {
			d := set.Evaluate(&Request{Subject: set.Resolve(c.user), App: "wiki", Time: time.Now()})
			if d.Verdict != c.want {
				t.Errorf("%s, %s: %v (%s, %v), want %v", name, who, d.Verdict, d.Reason, d.Err, c.want)
			}
		}
	}
}
