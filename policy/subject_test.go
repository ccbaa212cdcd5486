package policy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/policy"
)

// Each policy and each site has its own place in what is known of a person, on either side of where a word ends.
func TestSubjectHoldsEverySiteAndPolicy(t *testing.T) {
	for _, n := range []struct{ policies, sites int }{{1, 1}, {64, 64}, {128, 64}, {64, 65}, {129, 64}, {200, 130}} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var cfg policy.Config
			for i := range n.policies {
				cfg.Policies = append(cfg.Policies, policy.Policy{
					Name: fmt.Sprint("p", i), Block: true,
					Include: policy.Assignment{Groups: []string{fmt.Sprint("g", i)}},
				})
			}
			for i := range n.sites {
				cfg.Sites = append(cfg.Sites, policy.Site{
					App:   fmt.Sprint("app", i),
					Allow: []policy.Who{{Kind: policy.WhoUser, Name: fmt.Sprint("a", i)}},
					Deny:  []policy.Who{{Kind: policy.WhoUser, Name: fmt.Sprint("d", i)}},
				})
			}
			set := compile(t, cfg)
			decide := func(site int, groups []string, names ...string) policy.Decision {
				r := ask(set, policy.User{Names: names, Groups: groups, GroupsKnown: true})
				r.App = fmt.Sprint("app", site)
				return set.Evaluate(r)
			}
			for i := range n.sites {
				for j, name := range []string{fmt.Sprint("a", i), fmt.Sprint("a", i+1), fmt.Sprint("d", i)} {
					d := decide(i, nil, name, "somebody")
					if want := j == 0; (d.Verdict == policy.Allow) != want {
						t.Errorf("site %d, %s: %s", i, name, d.Verdict)
					}
				}
			}
			for i := range n.policies {
				if d := decide(0, []string{fmt.Sprint("g", i)}, "a0"); d.Verdict != policy.Block {
					t.Errorf("policy %d: %s", i, d.Verdict)
				}
			}
			if d := decide(0, []string{"g"}, "a0"); d.Verdict != policy.Allow {
				t.Errorf("no policy: %s", d.Verdict)
			}
		})
	}
}

// Of a subject whose bits alone were kept, Evaluate says what it says of the subject; whatever needs to know who it is
// refuses, and so does another set.
func TestSubjectOfBits(t *testing.T) {
	staffOnly := policy.Config{
		Sites:    []policy.Site{{App: "wiki", Allow: []policy.Who{{Kind: policy.WhoGroup, Name: "staff"}}}},
		Policies: []policy.Policy{{Name: "no guests", Include: policy.Assignment{Guests: true}, Block: true}},
	}
	set, next := compile(t, staffOnly), compile(t, staffOnly)
	guest := alice("staff")
	guest.Guest = true
	for name, u := range map[string]policy.User{"staff": alice("staff"), "others": alice("others"), "guest": guest} {
		of := func(s policy.Subject) *policy.Request {
			return &policy.Request{Subject: &s, App: "wiki", Time: time.Unix(1, 0)}
		}
		whole := set.Resolve(u)
		kept := set.Subject(whole.Bits())
		want := set.Evaluate(of(*whole))
		if got := set.Evaluate(of(kept)); got.Verdict != want.Verdict || got.Reason != want.Reason {
			t.Errorf("%s: %s %s, want %s %s", name, got.Verdict, got.Reason, want.Verdict, want.Reason)
		}
		explained, outcomes := set.Explain(of(kept))
		for what, d := range map[string]policy.Decision{
			"another set": next.Evaluate(of(kept)), "too few bits": set.Evaluate(of(set.Subject(whole.Bits()[1:]))),
			"no bits": set.Evaluate(of(set.Subject(nil))), "explained": explained,
		} {
			if d.Verdict != policy.Block || d.Reason != policy.EvaluationError || d.Err == nil {
				t.Errorf("%s, %s: %s %s, %v", name, what, d.Verdict, d.Reason, d.Err)
			}
		}
		if len(outcomes) > 0 {
			t.Errorf("%s: explained all the same", name)
		}
	}
}
