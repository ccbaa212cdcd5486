package policy_test

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/latchkey-gateway/latchkey/policy"
)

// What is known of a person lies in the Subject itself or, with more policies and sites, beside it. Each number of both
// has its own place there, on either side of where a word ends and of where the room does.
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

// A Subject is small, and takes no other memory while there are few policies: with tens of thousands of sessions that is
// what a collection of garbage takes.
func TestSubjectIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(policy.Subject{}); size > 192 {
		t.Errorf("%d bytes", size)
	}
	set := compile(t, policy.Config{})
	u := alice("staff")
	var sub policy.Subject
	if kept := testing.AllocsPerRun(100, func() { set.ResolveTo(&sub, u) }); kept > 1 { // who is excluded, which is not kept
		t.Errorf("%.0f pieces of memory", kept)
	}
}
