package policy_test

import (
	"fmt"
	"go/build"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/policy"
)

// More groups than MaxGroups count as unknown; a million of them cost neither much time nor any memory.
func TestTooManyGroups(t *testing.T) {
	set := compile(t, policy.Config{
		Policies: []policy.Policy{blockFor(policy.Assignment{Groups: []string{"staff"}}, policy.Assignment{})},
		Sites:    []policy.Site{{App: "wiki", Allow: []policy.Who{{Kind: policy.WhoGroup, Name: "g1"}}}},
	})
	for _, tc := range []struct {
		n    int
		want policy.Reason
	}{
		{policy.MaxGroups, policy.Allowed},
		{policy.MaxGroups + 1, policy.GroupOverage},
		{1_000_000, policy.GroupOverage},
	} {
		groups := make([]string, tc.n)
		for i := range groups {
			groups[i] = fmt.Sprintf("g%d", i)
		}
		if d := set.Evaluate(ask(set, alice(groups...))); d.Reason != tc.want {
			t.Errorf("%d groups: got %s, want %s", tc.n, d.Reason, tc.want)
		}
		if allocs := testing.AllocsPerRun(10, func() { set.Resolve(alice(groups...)) }); allocs > 12 {
			t.Errorf("%d groups: %v allocations", tc.n, allocs)
		}
	}
}

// Nothing in a name is a placeholder, a pattern or a prefix.
func TestNamesAreLiteral(t *testing.T) {
	t.Setenv("X", "staff")
	for _, name := range []string{"{env.X}", "{http.auth.user.id}", "*", ".*", "st*", "", "staff\x00", " staff", "STAFF", strings.Repeat("staff", 1000)} {
		for _, configured := range []string{"staff", "{env.X}"} {
			set := compile(t, policy.Config{Sites: []policy.Site{{App: "wiki", Allow: []policy.Who{{Kind: policy.WhoGroup, Name: configured}}}}})
			want := policy.NotAdmitted
			if name == configured {
				want = policy.Allowed
			}
			if d := set.Evaluate(ask(set, alice(name))); d.Reason != want {
				t.Errorf("group %q for %q: got %s, want %s", name, configured, d.Reason, want)
			}
		}
	}
}

// Whatever a provider says, the answer is the one that comparing strings gives, and it does not crash.
func FuzzClaims(f *testing.F) {
	for _, s := range []string{"staff", "{env.X}", "a\x00b", "\xff", "staff,admins", strings.Repeat("x,", 500), ""} {
		f.Add(s, s, "alice", byte(0), byte(0))
	}
	f.Fuzz(func(t *testing.T, configured, claimed, name string, enums, flags byte) {
		set, err := policy.Compile(policy.Config{
			Sites:    []policy.Site{{App: "wiki", Allow: []policy.Who{{Kind: policy.WhoGroup, Name: configured}}}},
			Policies: []policy.Policy{{Name: "p", Block: true, Include: policy.Assignment{Users: []string{"mallory"}}}},
		})
		if err != nil {
			return
		}
		groups := strings.Split(claimed, ",")
		r := &policy.Request{
			Subject: set.Resolve(policy.User{Names: []string{name}, Groups: groups, GroupsKnown: flags&1 != 0, Guest: flags&2 != 0}),
			App:     "wiki", Time: now,
			Platform: policy.Platform(enums), Client: policy.Client(enums >> 6), UserRisk: policy.Risk(enums >> 4),
		}
		if ip, ok := netip.AddrFromSlice([]byte(name)); ok {
			r.IP = ip
		}
		d := set.Evaluate(r)
		explained, _ := set.Explain(r)
		if !reflect.DeepEqual(see(d), see(explained)) {
			t.Errorf("Evaluate says %s, Explain %s", d.Reason, explained.Reason)
		}
		member := flags&1 != 0 && len(groups) <= policy.MaxGroups && slices.Contains(groups, configured)
		if d.Verdict == policy.Allow && (!member || name == "mallory") {
			t.Errorf("allowed: groups %q, configured %q, name %q", groups, configured, name)
		}
	})
}

// FuzzConfig: no configuration makes Compile or what follows crash, and no name with control characters gets in.
func FuzzConfig(f *testing.F) {
	f.Add("p", "staff", "office", "10.0.0.0/8", byte(0), byte(0))
	f.Add("a\nb", "\u202e", "trusted", "::ffff:10.0.0.0/104", byte(255), byte(255))
	f.Fuzz(func(t *testing.T, name, group, network, prefix string, enums, flags byte) {
		p, err := netip.ParsePrefix(prefix)
		if err != nil && flags&4 == 0 {
			return
		}
		pol := policy.Policy{
			Name: name, Mode: policy.Mode(enums & 3), PersistentBrowser: policy.Persistence(enums >> 2 & 3),
			Include: policy.Assignment{Groups: []string{group}}, Exclude: policy.Assignment{Networks: []string{network}},
			Conditions: policy.Conditions{Devices: []policy.DeviceCondition{{Attribute: policy.Attribute(enums >> 4 & 3)}}},
			Block:      flags&1 != 0,
		}
		if flags&2 != 0 {
			pol.Require = []policy.Requirement{{Kind: policy.RequirementKind(enums >> 6), Value: group}}
		}
		set, err := policy.Compile(policy.Config{
			Networks: []policy.Network{{Name: network, Prefixes: []netip.Prefix{p}}},
			Policies: []policy.Policy{pol}, Sites: []policy.Site{{App: "wiki"}},
		})
		if err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' && r != '\n' || r == '\u202e' || r == 0x1b }) {
				t.Errorf("the error text is not printable: %q", err)
			}
			return
		}
		r := ask(set, alice(group))
		r.IP = p.Addr()
		if p.IsValid() && !slices.Contains(set.Locate(r.IP).Networks, network) {
			t.Errorf("%v is not in %v", r.IP, p)
		}
		set.Evaluate(r)
	})
}

// Pure: the standard library without anything that does I/O, and a prefix trie.
func TestImports(t *testing.T) {
	pkg, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"errors", "fmt", "math/bits", "net/netip", "slices", "strings", "time", "unicode", "unicode/utf8", "github.com/gaissmai/bart", "golang.org/x/net/idna"}
	for _, imp := range pkg.Imports {
		if !slices.Contains(allowed, imp) {
			t.Errorf("policy imports %s", imp)
		}
	}
}
