package policy_test

import (
	"fmt"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/policy"
)

// A site that shares the base decides as it does in a set of all sites, and knows no other site.
func TestPropertySitesShareABase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		whole := compileRandom(t, cfg)
		base, err := policy.CompileBase(cfg.Networks, cfg.Policies)
		if err != nil {
			t.Fatal(err)
		}
		for _, site := range cfg.Sites {
			alone, err := base.Compile(site)
			if err != nil {
				t.Fatal(err)
			}
			u, r := drawUser(t), drawRequest(t)
			got, want := evaluate(alone, u, r), evaluate(whole, u, r)
			if r.App != site.App {
				if got.Err == nil {
					t.Fatalf("site %q decides for %q", site.App, r.App)
				}
				r.App = site.App
				got, want = evaluate(alone, u, r), evaluate(whole, u, r)
			}
			same(t, "alone", see(got), see(want))
			r.Subject = nil
			if u != nil {
				r.Subject = alone.Resolve(*u)
			}
			_, outcomes := alone.Explain(r)
			if u != nil {
				r.Subject = whole.Resolve(*u)
			}
			_, all := whole.Explain(r)
			if fmt.Sprint(outcomes) != fmt.Sprint(all) {
				t.Fatalf("explained alone:\n%v\nin the whole:\n%v", outcomes, all)
			}
		}
	})
}

// What a site costs does not depend on how many policies there are for all sites.
func TestCostOfASite(t *testing.T) {
	cfg := tenant(1000)
	base, err := policy.CompileBase(cfg.Networks, cfg.Policies)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		site  policy.Site
		bytes uint64
	}{
		{"no rules of its own", policy.Site{App: "wiki"}, 1 << 10},
		{"a list", policy.Site{App: "wiki", Allow: []policy.Who{{Kind: policy.WhoGroup, Name: "g"}}}, 4 << 10},
		{"a policy", policy.Site{App: "wiki", Policies: []policy.Policy{{Name: "own", Include: policy.Assignment{Groups: []string{"g"}}, Block: true}}}, 8 << 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const runs = 200
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range runs {
				if _, err := base.Compile(tt.site); err != nil {
					t.Fatal(err)
				}
			}
			runtime.ReadMemStats(&after)
			if got := (after.TotalAlloc - before.TotalAlloc) / runs; got > tt.bytes {
				t.Errorf("%d bytes, at most %d are expected", got, tt.bytes)
			}
		})
	}
}

// The base refuses what it alone gets wrong, and a site what it gets wrong beside it.
func TestBaseRefuses(t *testing.T) {
	if _, err := policy.CompileBase(nil, []policy.Policy{{Name: "p"}}); err == nil {
		t.Error("an empty policy is accepted")
	}
	base, err := policy.CompileBase(networks, []policy.Policy{{Name: "p", Block: true}})
	if err != nil {
		t.Fatal(err)
	}
	for problem, site := range map[string]policy.Site{
		"a policy for all sites has this name already": {App: "wiki", Policies: []policy.Policy{{Name: "p", Block: true}}},
		`unknown network "nowhere"`: {App: "wiki", Policies: []policy.Policy{
			{Name: "q", Block: true, Include: policy.Assignment{Networks: []string{"nowhere"}}},
		}},
	} {
		_, err := base.Compile(site)
		_, whole := policy.Compile(policy.Config{Networks: networks, Policies: []policy.Policy{{Name: "p", Block: true}}, Sites: []policy.Site{site}})
		if err == nil || whole == nil || err.Error() != whole.Error() {
			t.Errorf("%s: got %v, and %v of the whole", problem, err, whole)
		}
		if _, err := base.Compile(policy.Site{App: "wiki"}); err != nil {
			t.Errorf("after that: %v", err)
		}
	}
}
