package policy_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/latchkey-gateway/latchkey/policy"
)

// Staff need a second factor outside the office; contractors stay out of there altogether.
func Example() {
	set, err := policy.Compile(policy.Config{
		Networks: []policy.Network{{Name: "office", Prefixes: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}}},
		Policies: []policy.Policy{
			{
				Name:    "mfa-outside-office",
				Include: policy.Assignment{Groups: []string{"staff"}},
				Exclude: policy.Assignment{Networks: []string{"office"}},
				Require: []policy.Requirement{{Kind: policy.MFA}},
			},
			{
				Name:    "contractors-on-site-only",
				Include: policy.Assignment{Groups: []string{"contractors"}},
				Exclude: policy.Assignment{Networks: []string{"office"}},
				Block:   true,
			},
		},
		Sites: []policy.Site{{App: "wiki"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// Once per session: hold the person against all assignments.
	staff := set.Resolve(policy.User{Names: []string{"alice"}, Groups: []string{"staff"}, GroupsKnown: true})
	contractor := set.Resolve(policy.User{Names: []string{"carol"}, Groups: []string{"contractors"}, GroupsKnown: true})

	// Once per request.
	for _, who := range []*policy.Subject{staff, contractor, nil} {
		d := set.Evaluate(&policy.Request{
			Subject: who,
			App:     "wiki",
			IP:      netip.MustParseAddr("198.51.100.7"),
			Time:    time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
		})
		fmt.Println(d.Verdict, d.Reason, d.Policies())
	}
	// Output:
	// step_up mfa_required [mfa-outside-office]
	// block blocked [contractors-on-site-only]
	// sign_in sign_in_required []
}

func ExampleSet_Explain() {
	set, err := policy.Compile(policy.Config{
		Policies: []policy.Policy{{
			Name:       "no-phones",
			Conditions: policy.Conditions{Platforms: []policy.Platform{policy.Android, policy.IOS}},
			Block:      true,
		}},
		Sites: []policy.Site{{App: "wiki"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	d, outcomes := set.Explain(&policy.Request{
		Subject:  set.Resolve(policy.User{Names: []string{"alice"}, GroupsKnown: true}),
		App:      "wiki",
		Platform: policy.Linux,
		Time:     time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
	})
	fmt.Println(d.Verdict)
	for _, o := range outcomes {
		fmt.Println(o.Policy, o.Result, o.Unmet.First())
	}
	// Output:
	// allow
	// no-phones notApplied devicePlatform
}
