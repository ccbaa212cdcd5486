package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ConfigError is one error in a Config. Compile joins all errors that it finds.
type ConfigError struct {
	// Position is the place in the configuration as file:line, if known.
	Position string
	// Site is the app of the site with the error, or empty.
	Site string
	// Policy is the name of the policy with the error, or empty.
	Policy string
	// Problem describes the error.
	Problem string
}

func (e *ConfigError) Error() string {
	var b strings.Builder
	if e.Position != "" {
		b.WriteString(e.Position + ": ")
	}
	if e.Site != "" {
		fmt.Fprintf(&b, "site %q: ", e.Site)
	}
	if e.Policy != "" {
		fmt.Fprintf(&b, "policy %q: ", e.Policy)
	}
	return b.String() + e.Problem
}

// known are the names that the configuration for every site defines.
type known struct {
	networks map[string]bool
	trusted  bool            // some network is
	policies map[string]bool // those for every site
}

// checker collects the errors of a configuration.
type checker struct {
	known
	errs []error
	at   ConfigError // the current position
}

func (c *checker) failf(format string, args ...any) {
	e := c.at
	e.Problem = fmt.Sprintf(format, args...)
	c.errs = append(c.errs, &e)
}

// err returns all errors that were found, joined.
func (c *checker) err() error { return errors.Join(c.errs...) }

// checkShared checks what all sites share.
func checkShared(networks []Network, policies []Policy) *checker {
	c := &checker{known: known{networks: make(map[string]bool, len(networks)), policies: make(map[string]bool, len(policies))}}
	for i := range networks {
		c.network(&networks[i])
	}
	for i := range policies {
		c.policy(&policies[i], "", c.policies, nil)
	}
	return c
}

func (c *checker) sites(sites []Site) {
	apps := make(map[string]bool, len(sites))
	for i := range sites {
		c.site(&sites[i], apps)
	}
}

func (c *checker) network(n *Network) {
	c.at = ConfigError{Position: n.Position}
	c.name("network", n.Name)
	switch {
	case n.Name == TrustedNetworks:
		c.failf("network %q: this name stands for all trusted networks", n.Name)
	case c.networks[n.Name]:
		c.failf("network %q is defined twice", n.Name)
	case len(n.Prefixes) == 0:
		c.failf("network %q has no addresses", n.Name)
	}
	for _, p := range n.Prefixes {
		if !p.IsValid() {
			c.failf("network %q has an invalid prefix", n.Name)
		}
	}
	c.networks[n.Name] = true
	c.trusted = c.trusted || n.Trusted
}

func (c *checker) site(s *Site, apps map[string]bool) {
	c.at = ConfigError{Position: s.Position, Site: s.App}
	c.name("app", s.App)
	if apps[s.App] {
		c.failf("app %q is defined twice", s.App)
	}
	apps[s.App] = true
	for _, list := range []struct {
		word string
		who  []Who
	}{{"allow", s.Allow}, {"deny", s.Deny}} {
		for _, w := range list.who {
			c.who(list.word, w)
		}
	}
	for _, w := range s.Allow {
		if slices.ContainsFunc(s.Deny, func(d Who) bool { return d.key() == w.key() }) {
			c.failf("%q is both allowed and denied", w.Name)
		}
	}
	own := make(map[string]bool, len(s.Policies))
	for i := range s.Policies {
		c.policy(&s.Policies[i], s.App, own, c.policies)
	}
}

// policy checks one policy. same contains the names in the same list; outer contains the names for all sites, which a
// site's policy must not repeat.
func (c *checker) policy(p *Policy, site string, same, outer map[string]bool) {
	c.at = ConfigError{Position: p.Position, Site: site, Policy: p.Name}
	c.name("policy", p.Name)
	switch {
	case same[p.Name]:
		c.failf("this name is used twice")
	case outer[p.Name]:
		c.failf("a policy for all sites has this name already")
	}
	same[p.Name] = true
	if int(p.Mode) >= len(modeWords) {
		c.failf("mode is %v", p.Mode)
	}
	if p.Matcher < 0 {
		c.failf("matcher id %d is negative", p.Matcher)
	}
	c.assignments(p, site)
	c.conditions(&p.Conditions)
	c.controls(p, site)
}

func (c *checker) assignments(p *Policy, site string) {
	in, ex := &p.Include, &p.Exclude
	if ex.All {
		c.failf("exclude all: the policy could never apply; use mode off")
	}
	if in.All && in.namesSubjects() {
		c.failf("include all covers all users: the guests, groups, users, domains or providers beside it have no effect")
	}
	if in.Guests && ex.Guests {
		c.failf("guests are both included and excluded")
	}
	if site != "" && len(in.Apps)+len(ex.Apps) > 0 {
		c.failf("a policy at a site holds for that site only: it cannot name apps")
	}
	excluded := ex.who()
	for _, w := range in.who() {
		c.who("include", w)
		if slices.ContainsFunc(excluded, func(x Who) bool { return x.key() == w.key() }) {
			c.failf("%s %q is both included and excluded", whoWords[w.Kind], w.Name)
		}
	}
	for _, w := range excluded {
		c.who("exclude", w)
	}
	for _, of := range slices.Concat(in.Of, ex.Of) {
		c.name("provider", of.Provider)
	}
	for _, list := range []struct {
		kind   string
		in, ex []string
	}{
		{"app", in.Apps, ex.Apps},
		{"network", in.Networks, ex.Networks},
	} {
		for _, n := range list.in {
			c.name("include "+list.kind, n)
			if slices.Contains(list.ex, n) {
				c.failf("%s %q is both included and excluded", list.kind, n)
			}
		}
		for _, n := range list.ex {
			c.name("exclude "+list.kind, n)
		}
		if list.kind != "network" {
			continue
		}
		for _, n := range slices.Concat(list.in, list.ex) {
			switch {
			case n == TrustedNetworks && !c.trusted:
				c.failf("no network is marked trusted")
			case n != TrustedNetworks && !c.networks[n]:
				c.failf("unknown network %q", n)
			}
		}
	}
}

func (c *checker) conditions(when *Conditions) {
	inRange(c, "platform", platformWords, when.Platforms)
	inRange(c, "client", clientWords, when.Clients)
	// An unreadable level matches every condition anyway.
	inRange(c, "sign-in risk", riskWords[:RiskUnreadable], when.SignInRisk)
	inRange(c, "user risk", riskWords[:RiskUnreadable], when.UserRisk)
	for _, d := range when.Devices {
		if d.Attribute >= attributes {
			c.failf("device attribute is %v", d.Attribute)
		}
		if !d.Not && slices.Contains(when.Devices, DeviceCondition{Attribute: d.Attribute, Not: true}) {
			c.failf("no device is both %v and not %v", d.Attribute, d.Attribute)
		}
	}
}

func inRange[T ~uint8](c *checker, kind string, words []string, values []T) {
	for _, v := range values {
		if int(v) >= len(words) {
			c.failf("%s is invalid(%d)", kind, uint8(v))
		}
	}
}

func (c *checker) controls(p *Policy, site string) {
	grants := len(p.Require)+len(p.RequireAny) > 0
	sessions := p.SignInFrequency != Frequency{} || p.PersistentBrowser != Unset || p.MaxIdle != 0
	switch {
	case p.Block && grants:
		c.failf("block together with require: nothing is left to be required")
	case p.Block && sessions:
		c.failf("block together with a session control: no session is left to be controlled")
	case !p.Block && !grants && !sessions: // P2
		c.failf("the policy is empty: it neither blocks nor requires anything and controls no session")
	}
	for _, r := range slices.Concat(p.Require, p.RequireAny) {
		switch {
		case int(r.Kind) >= len(requirementWords):
			c.failf("requirement is %v", r.Kind)
		case r.Kind == ACR:
			c.name("acr", r.Value)
		case r.Value != "":
			c.failf("requirement %v takes no value", r.Kind)
		}
	}
	for _, r := range p.RequireAny {
		if slices.Contains(p.Require, r) {
			c.failf("%v is required anyway: the alternatives to it have no effect", r)
		}
	}
	f := p.SignInFrequency
	switch {
	case f.EveryTime && f.Interval != 0:
		c.failf("sign_in_frequency is both every_time and %v", f.Interval)
	case f.Interval != 0 && f.Interval < time.Second:
		c.failf("sign_in_frequency %v is less than a second", f.Interval)
	}
	if p.MaxIdle != 0 && p.MaxIdle < time.Second {
		c.failf("max_idle %v is less than a second", p.MaxIdle)
	}
	if int(p.PersistentBrowser) >= len(persistenceWords) {
		c.failf("persistent_browser is %v", p.PersistentBrowser)
	}
	if p.PersistentBrowser != Unset { // B2, B3
		const why = "persistence belongs to the whole browser session, so persistent_browser cannot be limited to"
		switch {
		case site != "":
			c.failf(why + " a site")
		case len(p.Include.Apps)+len(p.Exclude.Apps) > 0:
			c.failf(why + " apps")
		case p.Matcher != 0:
			c.failf(why + " the requests that a matcher selects")
		case slices.ContainsFunc(p.Conditions.Devices, func(d DeviceCondition) bool { return d.Attribute == Bound }):
			c.failf("persistent_browser cannot depend on when device bound: a browser binds a session after its persistence is decided; " +
				"for a shorter \"Yes\" without a binding use unbound, or binding require, in the session block")
		}
	}
}

var whoWords = map[WhoKind]string{WhoGroup: "group", WhoUser: "user", WhoDomain: "domain", WhoProvider: "provider"}

// who checks a list that selects users.
func (c *checker) who(list string, w Who) {
	kind, ok := whoWords[w.Kind]
	if !ok {
		c.failf("%s: invalid kind of subject (%d)", list, w.Kind)
		return
	}
	c.name(list+" "+kind, w.Name)
	if w.Kind == WhoProvider && w.Provider != "" {
		c.failf("%s: a provider is not of a provider", list)
	}
	if problem := CheckName(w.Kind, w.Name); problem != "" {
		c.failf("%s %s: %s", list, kind, problem)
	}
}

// CheckName returns why a name can match no user or nothing, or an empty string. A name is compared as a whole.
func CheckName(kind WhoKind, name string) (problem string) {
	switch {
	case kind == WhoDomain:
		if i := strings.LastIndexByte(name, '@'); i >= 0 {
			return fmt.Sprintf("%q is no domain; write it without what comes before the domain: %s", name, name[i+1:])
		}
		if strings.Contains(name, "*") {
			return fmt.Sprintf("%q: there are no wildcards, and a subdomain is another domain: list each of them", name)
		}
		if _, ok := Domain(name); !ok || strings.ContainsFunc(name, func(r rune) bool { return strings.ContainsRune(" /:,;", r) }) {
			return fmt.Sprintf("%q is no domain such as contractors.example", name)
		}
	case kind == WhoProvider || !strings.Contains(name, "*"):
	case kind == WhoUser && strings.HasPrefix(name, "*@"):
		return fmt.Sprintf("%q: a name is compared whole and has no wildcards; for all users with an address there write `domain %s`", name, name[2:])
	default:
		return fmt.Sprintf("%q: a name is compared whole and has no wildcards", name)
	}
	return ""
}

// name refuses names that could be confused in a log or could forge a log line.
func (c *checker) name(kind, name string) {
	switch {
	case name == "":
		c.failf("%s: a name is missing", kind)
	case !utf8.ValidString(name):
		c.failf("%s name %q is not valid UTF-8", kind, name)
	case strings.ContainsFunc(name, isControl):
		c.failf("%s name %q has control characters", kind, name)
	}
}

// isControl also covers line separators that are not control characters, and characters that change the direction of
// text.
func isControl(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' ||
		r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}
