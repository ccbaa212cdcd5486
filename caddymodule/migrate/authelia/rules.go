package authelia

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/latchkey-gateway/latchkey/caddymodule/firstfile"
	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// autheliaRule is a rule of access_control. The first one that matches a request decides in Authelia.
type autheliaRule struct {
	draft.Origin
	domains, resources, methods []string
	users, groups               []string
	policy                      string
	// partly says that the rule has a condition without an equivalent; everyone, that it has no subject.
	partly, everyone bool
}

var autheliaPolicies = []string{"bypass", "one_factor", "two_factor", "deny"}

func (c *authelia) access() error {
	c.usual = c.Text("access_control.default_policy")
	if c.usual == "" {
		c.usual = "deny"
	}
	if !slices.Contains(autheliaPolicies, c.usual) {
		return c.Origin("access_control.default_policy").Errorf("want one of %q", autheliaPolicies)
	}
	if one, ok := c.All["access_control.networks"]; ok {
		one.Read = true
		c.Plan.Note(draft.Todo, one.Origin, "name the networks with `network <name> <range>...` in latchkey; rules with a network are not taken over")
	}
	one, ok := c.All["access_control.rules"]
	if !ok {
		return nil
	}
	one.Read = true
	list, ok := one.Value.(*yaml.Node)
	if !ok || list.Kind != yaml.SequenceNode || len(list.Content) > draft.MaxList {
		return one.Errorf("want a list of at most %d rules", draft.MaxList)
	}
	for _, n := range list.Content {
		r, err := c.rule(n)
		if err != nil {
			return err
		}
		c.rules = append(c.rules, r)
	}
	return nil
}

func (c *authelia) rule(n *yaml.Node) (r autheliaRule, err error) {
	r = autheliaRule{Origin: draft.At("access_control.rules", n.Line), everyone: true}
	if n.Kind != yaml.MappingNode {
		return r, r.Errorf("want a rule")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1]
		list, ok := draft.Texts(value)
		switch key {
		case "domain":
			r.domains = list
		case "resources":
			r.resources = list
		case "methods":
			r.methods = list
		case "policy":
			r.policy = value.Value
		case "subject":
			r.everyone = false
			if !ok {
				r.partly, ok = true, true
				c.Plan.Note(draft.Missing, r.Origin, "subjects that have to match together have no equivalent in one line")
			}
			for _, s := range list {
				if name, is := strings.CutPrefix(s, "group:"); is {
					r.groups = append(r.groups, name)
				} else if name, is := strings.CutPrefix(s, "user:"); is {
					r.users = append(r.users, name)
				} else {
					r.partly = true
					c.Plan.Note(draft.Missing, r.Origin, "a subject is neither a user nor a group")
				}
			}
		case "networks", "query", "domain_regex":
			r.partly, ok = true, true
			c.Plan.Note(draft.Missing, draft.At("access_control.rules."+key, n.Content[i].Line), "this condition is not taken over: a policy takes networks (`include network`), and each host is a site of its own")
		default:
			ok = true
			c.Plan.Note(draft.Unknown, draft.At("access_control.rules."+key, n.Content[i].Line), "this key is not known here and is not taken over")
			r.partly = true
		}
		if !ok {
			return r, r.Errorf("%s: want a text or a list of texts", draft.Printable(key))
		}
	}
	if !slices.Contains(autheliaPolicies, r.policy) {
		return r, r.Errorf("policy: want one of %q", autheliaPolicies)
	}
	return r, nil
}

// sites makes a site of each host that a rule names.
func (c *authelia) sites() {
	var hosts []string
	for _, r := range c.rules {
		for _, d := range r.domains {
			switch {
			case strings.Contains(d, "*") || strings.Contains(d, "{"):
				c.Plan.Note(draft.Todo, r.Origin, "the rule is for hosts that it does not name: each host needs a site. The rule counts for the sites below that it matches")
			case firstfile.CheckAddress(d) != nil:
				c.Faults = append(c.Faults, r.Errorf("a domain is no host name"))
			case !slices.Contains(hosts, d):
				hosts = append(hosts, d)
			}
		}
	}
	if c.options.Site != "" {
		hosts = []string{c.options.Site}
	}
	if len(hosts) == 0 {
		hosts = c.Plan.Addresses(c.options)
	}
	app := c.Plan.NoApp()
	for _, host := range hosts {
		s := &draft.Site{Addresses: []string{host}, App: []draft.Line{app}}
		s.Rules = c.siteRules(s, host)
		c.Plan.Sites = append(c.Plan.Sites, s)
	}
}

func (r *autheliaRule) matches(host string) bool {
	return len(r.domains) == 0 || slices.ContainsFunc(r.domains, func(d string) bool {
		suffix, wild := strings.CutPrefix(d, "*")
		return d == host || wild && strings.HasPrefix(suffix, ".") && strings.HasSuffix(host, suffix)
	})
}

// siteRules returns who may enter a host. In Authelia the first rule that matches decides; here every restriction holds. So
// what only loosens is left out where the order matters, and what restricts never is.
func (c *authelia) siteRules(s *draft.Site, host string) (lines []draft.Line) {
	var e draft.Entrance
	var denied, second, policies []draft.Line
	var spared []draft.Line // who needs no second factor
	usual, limited := c.usual, false
	for i := range c.rules {
		r := &c.rules[i]
		if !r.matches(host) {
			continue
		}
		loosens := r.policy == "bypass" || r.policy == "one_factor"
		switch {
		case r.partly && !loosens:
			limited = true
			e.Closed = "A restriction of Authelia was not taken over: write a policy in its place, then remove this one."
			c.Plan.Note(draft.Missing, r.Origin, "the rule restricts who may enter %s, so the site is closed until it is written as a policy", host)
		case r.partly:
			limited = true
			c.Plan.Note(draft.Missing, r.Origin, "the rule is not taken over: what it permits at %s is not permitted", host)
		case len(r.resources)+len(r.methods) > 0 && r.policy == "bypass" && r.everyone && !limited:
			c.openResources(s, r)
		case len(r.resources)+len(r.methods) > 0 && loosens:
			limited = true
			c.Plan.Note(draft.Missing, r.Origin, "the rule permits a part of %s after stricter rules, or for some users: it is not taken over", host)
		case len(r.resources)+len(r.methods) > 0:
			limited = true
			policies = append(policies, c.partRule(s, r, i)...)
		case !r.everyone:
			limited = true
			people := r.people("include")
			switch r.policy {
			case "deny":
				denied = append(denied, r.each("deny")...)
			case "two_factor":
				second = append(second, draft.Words(fmt.Sprintf("policy second-factor-%d", i+1), append(people, draft.Words("require mfa"))...))
				fallthrough
			default:
				e.Users, e.Groups = append(e.Users, r.users...), append(e.Groups, r.groups...)
				e.OfUsers, e.OfGroups = r.Origin, r.Origin
				if r.policy == "one_factor" {
					spared = append(spared, r.people("exclude")...)
				}
			}
		default:
			usual = r.policy
		}
		if r.everyone && !r.partly && len(r.resources)+len(r.methods) == 0 {
			break
		}
	}
	switch usual {
	case "deny":
		if len(e.Users)+len(e.Groups) == 0 && e.Closed == "" {
			e.Closed = "Authelia lets no user enter here."
		}
		for _, u := range draft.Unique(e.Users) {
			lines = append(lines, e.OfUsers.Words("allow user", u))
		}
		for _, g := range draft.Unique(e.Groups) {
			lines = append(lines, e.OfGroups.Words("allow group", g))
		}
	case "two_factor":
		second = append(second, draft.Words("policy second-factor", append(spared, draft.Words("require mfa"))...))
	case "bypass":
		c.Plan.Note(draft.Differs, draft.At("access_control", 0), "%s is open to everyone in Authelia. Here users sign in: a site without `latchkey` is open", host)
	}
	e.Users, e.Groups = nil, nil
	return slices.Concat(e.Rules(), lines, denied, second, policies, []draft.Line{draft.Words("headers remote groups")})
}

func (r *autheliaRule) people(word string) (lines []draft.Line) {
	if len(r.groups) > 0 {
		lines = append(lines, r.Words(word+" group", draft.Unique(r.groups)...))
	}
	if len(r.users) > 0 {
		lines = append(lines, r.Words(word+" user", draft.Unique(r.users)...))
	}
	return lines
}

func (r *autheliaRule) each(word string) (lines []draft.Line) {
	for _, g := range draft.Unique(r.groups) {
		lines = append(lines, r.Words(word+" group", g))
	}
	for _, u := range draft.Unique(r.users) {
		lines = append(lines, r.Words(word+" user", u))
	}
	return lines
}

// openResources leaves the paths open that a rule with `bypass` names.
func (c *authelia) openResources(s *draft.Site, r *autheliaRule) {
	if len(r.resources) == 0 {
		s.Open = append(s.Open, r.Words("not method", r.methods...))
		return
	}
	for _, pattern := range r.resources {
		if !draft.IsPattern(pattern) || slices.ContainsFunc(r.methods, func(m string) bool { return !draft.IsMethod(m) }) {
			c.Plan.Note(draft.Missing, r.Origin, "a regular expression or a method is wrong, or cannot stand in a Caddyfile: what it left open stays closed")
			continue
		}
		if len(r.methods) == 0 {
			s.Open = append(s.Open, draft.OpenPattern(r.Origin, "", pattern, false))
		}
		for _, m := range r.methods {
			s.Open = append(s.Open, draft.OpenPattern(r.Origin, m, pattern, false))
		}
	}
	c.Plan.Note(draft.Differs, r.Origin, "the expressions see the path alone; Authelia's see the query as well")
}

// partRule returns the policy for a part of a site that is denied or needs a second factor.
func (c *authelia) partRule(s *draft.Site, r *autheliaRule, i int) (lines []draft.Line) {
	demand := draft.Words("block")
	if r.policy == "two_factor" {
		demand = draft.Words("require mfa")
	}
	patterns := r.resources
	if len(patterns) == 0 {
		patterns = []string{"^/"}
	}
	for k, pattern := range patterns {
		name := fmt.Sprintf("part-%d-%d", i+1, k+1)
		matcher := draft.Line{Words: "@" + name, Block: []draft.Line{{Words: "path_regexp", Given: []string{pattern}, Pattern: true, From: r.Origin}}, From: r.Origin}
		if len(r.methods) > 0 {
			matcher.Block = append(matcher.Block, r.Words("method", r.methods...))
		}
		s.TLS = append(s.TLS, matcher)
		lines = append(lines, draft.Words("policy "+name+" @"+name, append(r.people("include"), demand)...))
	}
	return lines
}
