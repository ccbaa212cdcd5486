package policy_test

import (
	"math/rand"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/policy"
)

func compileRandom(t *rapid.T, cfg policy.Config) *policy.Set {
	set, err := policy.Compile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func evaluate(set *policy.Set, u *policy.User, r *policy.Request) policy.Decision {
	r.Subject = nil
	if u != nil {
		r.Subject = set.Resolve(*u)
	}
	return set.Evaluate(r)
}

// visible is everything that a decision says about enforcement.
type visible struct {
	verdict     policy.Verdict
	reason      policy.Reason
	code        int
	status      policy.Status
	gaps        policy.Gaps
	mfa, prompt bool
	again       bool
	age, idle   time.Duration
	persistence policy.Persistence
	frequency   policy.Frequency
	failed      bool
	acrs, names []string
}

func see(d policy.Decision) visible {
	v := visible{
		d.Verdict, d.Reason, d.Code, d.Status, d.Gaps, d.Demand.MFA, d.Demand.PromptLogin, d.Demand.Reauthenticate,
		d.Demand.MaxAge, d.MaxIdle, d.PersistentBrowser, d.Frequency, d.Err != nil,
		slices.Sorted(slices.Values(d.Demand.ACRs)),
		slices.Concat(d.Policies(), d.PersistentBrowserPolicies(), d.FrequencyPolicies(), d.MaxIdlePolicies()),
	}
	slices.Sort(v.names)
	return v
}

func same(t *rapid.T, what string, got, want visible) {
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// The index finds exactly what reading every policy finds.
func TestPropertyOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		set := compileRandom(t, cfg)
		for range 8 {
			u, r := drawUser(t), drawRequest(t)
			compare(t, evaluate(set, u, r), consult(cfg, u, r))
		}
	})
}

func compare(t *rapid.T, d policy.Decision, o *oracle) {
	if d.Verdict != o.verdict() || d.PersistentBrowser != o.persistence || d.MaxIdle != o.idle {
		t.Fatalf("got %v (%s), %v, %v; the oracle says %v, %v, %v",
			d.Verdict, d.Reason, d.PersistentBrowser, d.MaxIdle, o.verdict(), o.persistence, o.idle)
	}
	var applied []string
	for out := range d.Applied {
		if out.Mode == policy.On {
			applied = append(applied, out.Policy)
		}
	}
	if !slices.Equal(applied, o.applied) {
		t.Fatalf("got %v applied, the oracle says %v", applied, o.applied)
	}
}

// W5: what explains is what enforces.
func TestPropertyExplainAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg, u, r := drawConfig(t), drawUser(t), drawRequest(t)
		set := compileRandom(t, cfg)
		d := evaluate(set, u, r)
		explained, outcomes := set.Explain(r)
		same(t, "Explain", see(explained), see(d))

		n := len(cfg.Policies)
		for _, s := range cfg.Sites {
			if s.App == r.App {
				n += len(s.Policies)
			}
		}
		if len(outcomes) != n {
			t.Fatalf("got %d outcomes of %d policies", len(outcomes), n)
		}
		for o := range d.Applied {
			i := slices.IndexFunc(outcomes, func(e policy.Outcome) bool { return e.Policy == o.Policy })
			e := outcomes[i]
			if e.Result != o.Result || e.Missing != o.Missing || e.Gaps != o.Gaps || e.Unmet != 0 {
				t.Fatalf("Explain says %+v, Evaluate %+v", e, o)
			}
			outcomes = slices.Delete(outcomes, i, i+1)
		}
		for _, e := range outcomes {
			if e.Unmet == 0 || e.Excluded&^e.Unmet != 0 {
				t.Fatalf("no reason why it does not apply: %+v", e)
			}
		}
	})
}

// B6, O4: without its report-only policies a configuration decides the same.
func TestPropertyReportOnlyHasNoInfluence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg, u, r := drawConfig(t), drawUser(t), drawRequest(t)
		bare := cfg
		bare.Policies = enforcedOnly(cfg.Policies)
		bare.Sites = slices.Clone(cfg.Sites)
		for i := range bare.Sites {
			bare.Sites[i].Policies = enforcedOnly(bare.Sites[i].Policies)
		}
		same(t, "with report-only policies", see(evaluate(compileRandom(t, cfg), u, r)), see(evaluate(compileRandom(t, bare), u, r)))
	})
}

func enforcedOnly(ps []policy.Policy) []policy.Policy {
	return slices.DeleteFunc(slices.Clone(ps), func(p policy.Policy) bool { return p.Mode != policy.On })
}

// R2: whom a policy excludes it does not concern, whatever it includes.
func TestPropertyExcludeWins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg, r := drawConfig(t), drawRequest(t)
		u := &policy.User{Names: []string{"u1"}, Groups: someGroups, GroupsKnown: rapid.Bool().Draw(t, "known"), Provider: "p1"}
		for i := range cfg.Policies {
			in, ex := &cfg.Policies[i].Include, &cfg.Policies[i].Exclude
			switch rapid.IntRange(0, 3).Draw(t, "by") {
			case 0:
				in.Users, ex.Users = without(in.Users, []string{"u1"}), append(ex.Users, "u1")
			case 1:
				in.Providers, ex.Providers = without(in.Providers, []string{"p1"}), append(ex.Providers, "p1")
			case 2:
				if !cfgHasPersistence(cfg.Policies[i]) {
					in.Apps, ex.Apps = without(in.Apps, []string{r.App}), append(ex.Apps, r.App)
				} else {
					in.Users, ex.Users = without(in.Users, []string{"u1"}), append(ex.Users, "u1")
				}
			case 3:
				u.GroupsKnown = true
				in.Groups, ex.Groups = without(in.Groups, []string{"g1"}), append(ex.Groups, "g1")
			}
		}
		d := evaluate(compileRandom(t, cfg), u, r)
		for o := range d.Applied {
			if o.Site == "" {
				t.Fatalf("policy %s applies to somebody whom it excludes", o.Policy)
			}
		}
	})
}

func cfgHasPersistence(p policy.Policy) bool { return p.PersistentBrowser != policy.Unset }

// R4: policies have no order.
func TestPropertyOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg, u, r := drawConfig(t), drawUser(t), drawRequest(t)
		want := see(evaluate(compileRandom(t, cfg), u, r))
		rnd := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
		other := cfg
		other.Policies, other.Sites, other.Networks = slices.Clone(cfg.Policies), slices.Clone(cfg.Sites), slices.Clone(cfg.Networks)
		rnd.Shuffle(len(other.Policies), func(i, j int) {
			other.Policies[i], other.Policies[j] = other.Policies[j], other.Policies[i]
		})
		slices.Reverse(other.Networks)
		slices.Reverse(other.Sites)
		for i := range other.Sites {
			other.Sites[i].Policies = slices.Clone(other.Sites[i].Policies)
			slices.Reverse(other.Sites[i].Policies)
		}
		same(t, "in another order", see(evaluate(compileRandom(t, other), u, r)), want)
	})
}

// A6: for all groups that a user may have, unknown groups grant nothing that the known groups would not.
func TestPropertyUnknownGroupsGrantNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, r := compileRandom(t, drawConfig(t)), drawRequest(t)
		u := drawUser(t)
		if u == nil {
			u = &policy.User{Names: []string{"u1"}, Groups: someGroups[:1]}
		}
		u.GroupsKnown = true
		known := evaluate(set, u, r)
		u.GroupsKnown = false
		notMorePermissive(t, evaluate(set, u, r), known)
	})
}

// A62: the same for the address.
func TestPropertyUnknownAddressGrantsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, u, r := compileRandom(t, drawConfig(t)), drawUser(t), drawRequest(t)
		known := evaluate(set, u, r)
		r.IP = netip.Addr{}
		notMorePermissive(t, evaluate(set, u, r), known)
	})
}

// A10, field trial 2.5: a name that is only claimed gives its bearer nothing that either a verified one or none would not.
func TestPropertyClaimedNamesGrantNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, r := compileRandom(t, drawConfig(t)), drawRequest(t)
		u := drawSignedIn(t)
		names := slices.Concat(u.Names, u.Claimed)
		u.Names, u.Claimed = names, nil
		verified := evaluate(set, u, r)
		u.Names = nil
		without := evaluate(set, u, r)
		u.Claimed = names
		claimed := evaluate(set, u, r)
		notMorePermissive(t, claimed, verified)
		notMorePermissive(t, claimed, without)
	})
}

// Field trial 1.4: a claim in no known word gives nothing that any known word would not.
func TestPropertyUnreadableGrantsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, u, r := compileRandom(t, drawConfig(t)), drawUser(t), drawRequest(t)
		known := evaluate(set, u, r)
		switch rapid.IntRange(0, 5).Draw(t, "unreadable") {
		case 0:
			r.SignInRisk = policy.RiskUnreadable
		case 1:
			r.UserRisk = policy.RiskUnreadable
		case 2:
			r.Device.Compliant = policy.Unreadable
		case 3:
			r.Device.Managed = policy.Unreadable
		case 4:
			r.Device.Shared = policy.Unreadable
		case 5:
			if u != nil {
				u.Guest, u.GuestUnreadable = false, true
			}
		}
		notMorePermissive(t, evaluate(set, u, r), known)
	})
}

// R3, R4: one more policy takes nothing back, except that persistent_browser always may add persistence.
func TestPropertyPoliciesOnlyAdd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg, u, r := drawConfig(t), drawUser(t), drawRequest(t)
		before := evaluate(compileRandom(t, cfg), u, r)
		p := drawPolicy(t, "one more", false)
		cfg.Policies = append(cfg.Policies, p)
		after := evaluate(compileRandom(t, cfg), u, r)
		if p.PersistentBrowser == policy.Always {
			after.PersistentBrowser = before.PersistentBrowser
		}
		notMorePermissive(t, after, before)
	})
}

func notMorePermissive(t *rapid.T, d, than policy.Decision) {
	persistence := map[policy.Persistence]int{policy.Never: 0, policy.Unset: 1, policy.Always: 2}
	switch {
	case d.Verdict > than.Verdict:
		t.Fatalf("verdict %v (%s), but %v (%s)", d.Verdict, d.Reason, than.Verdict, than.Reason)
	case persistence[d.PersistentBrowser] > persistence[than.PersistentBrowser]:
		t.Fatalf("persistence %v, but %v", d.PersistentBrowser, than.PersistentBrowser)
	case than.MaxIdle != 0 && (d.MaxIdle == 0 || d.MaxIdle > than.MaxIdle):
		t.Fatalf("idle limit %v, but %v", d.MaxIdle, than.MaxIdle)
	case than.Frequency.EveryTime && !d.Frequency.EveryTime,
		than.Frequency.Interval != 0 && (d.Frequency.Interval == 0 || d.Frequency.Interval > than.Frequency.Interval):
		t.Fatalf("frequency %+v, but %+v", d.Frequency, than.Frequency)
	case d.Verdict == than.Verdict && d.Verdict != policy.Block && than.Demand.MFA && !d.Demand.MFA:
		t.Fatalf("demand %+v, but %+v", d.Demand, than.Demand)
	}
}
