package caddysecurity

import (
	"regexp"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// hosts are the hosts of a site in small letters, with their ports if they are not the usual ones.
func (s *site) hosts() (all []string) {
	for _, address := range s.from.words {
		if !strings.Contains(address, "://") {
			address = "https://" + address
		}
		if host := hostOf(address); host != "" && !strings.HasPrefix(host, ":") {
			all = append(all, host)
		}
	}
	return all
}

// named reports whether each address of a site has a host that is known here.
func (s *site) named() bool {
	return len(s.hosts()) == len(s.from.words) && !strings.Contains(strings.Join(s.from.words, ""), "{")
}

// matcherName returns a name that no matcher of the site has.
func (s *site) matcherName(name string) string {
	for taken(s.from.inner, "@"+name) {
		name += "-of-latchkey"
	}
	return name
}

func taken(nodes []*node, name string) bool {
	return slices.ContainsFunc(nodes, func(n *node) bool { return n.name() == name || taken(n.inner, name) })
}

// write writes a site.
func (r *reader) write(s *site) {
	out := &draft.Site{Addresses: r.addresses(s), App: s.lines}
	r.plan.Sites = append(r.plan.Sites, out)
	var guarded []when
	var portals []*portal
	out.Rules = r.named(s)
	policies := []*policy{}
	var rules []draft.Line
	whole := true
	names := map[string]int{}
	for _, u := range s.uses {
		users := r.portalOf(u.portal)
		if !slices.Contains(portals, users) {
			portals = append(portals, users)
		}
		i := slices.IndexFunc(r.policies, func(p *policy) bool { return p.name == u.policy })
		switch {
		case u.policy == "":
			guarded = append(guarded, u.when)
			if users == nil {
				r.plan.Note(draft.Missing, u.from.Origin, "the file has no such portal")
			}
			continue
		case i < 0:
			r.plan.Note(draft.Missing, u.from.Origin, "the file has no such policy: the site is closed")
			s.close(closedComment)
			continue
		}
		p := r.policies[i]
		policies = append(policies, p)
		need := u.when
		for _, open := range p.open {
			need = need.and(open.not())
		}
		guarded = append(guarded, need)
		names[p.name]++
		d := demand{s: s, when: u.when, name: p.name, whole: whole && u.when.always()}
		if names[p.name] > 1 {
			d.count = (names[p.name] - 1) * 100
		}
		d.write(r, r.decide(p, users), p.from)
		whole = whole && (!u.when.always() || d.whole)
		out.TLS, rules = append(out.TLS, d.matchers...), append(rules, d.rules...)
	}
	if s.closed != "" {
		closed := draft.Words("policy closed-until-completed", draft.Words("block"))
		closed.Comment = s.closed
		out.Rules = append(out.Rules, closed)
	} else if guard := anyOf(guarded...); len(guarded) == 0 {
		out.Unguarded = true
		return
	} else if !guard.always() {
		out.Open, out.Guard = guard.matcher(), s.matcherName("guarded")
	}
	out.Rules = append(out.Rules, r.providersOf(portals)...)
	out.Rules = append(out.Rules, rules...)
	for _, p := range portals {
		extra := r.extra(p)
		out.Rules = append(out.Rules, extra...)
	}
	out.Rules = append(out.Rules, r.told(policies)...)
	r.register(s, portals)
}

var siteAddress = regexp.MustCompile(`^(?:[A-Za-z0-9_.:/*\[\]%~-]|\{\$[A-Za-z_][A-Za-z0-9_]*(?::[A-Za-z0-9_.:-]*)?\})+$`)

// addresses returns the addresses of a site.
func (r *reader) addresses(s *site) []string {
	for _, address := range s.from.words {
		if !siteAddress.MatchString(address) {
			r.faults = append(r.faults, draft.Origin{Line: s.from.Line, File: s.from.File}.Errorf("a word in front of a block is no address of a site"))
		}
		if strings.HasPrefix(address, "http://") && len(s.uses) > 0 {
			r.plan.Note(draft.Todo, s.from.Origin, "this site has no TLS: browsers keep no cookie of it, but for this machine. Leave out http://")
		}
		for _, m := range inserted.FindAllStringSubmatch(address, -1) {
			if !slices.Contains(r.plan.Inserted, m[1]) {
				r.plan.Inserted = append(r.plan.Inserted, m[1])
			}
		}
	}
	if r.options.Site != "" && len(s.uses) > 0 {
		closed := 0
		for _, other := range r.sites {
			if len(other.uses) > 0 {
				closed++
			}
		}
		if closed == 1 {
			return []string{r.options.Site}
		}
		r.faults = append(r.faults, s.from.Errorf("--site is for a file in which one site needs a sign-in, this one has %d", closed))
	}
	return s.from.words
}

// named returns the line that names a site whose host is that of another one, or has none.
func (r *reader) named(s *site) []draft.Line {
	name := ""
	if hosts := s.hosts(); len(hosts) > 0 {
		name, _, _ = strings.Cut(hosts[0], ":")
	}
	if !r.apps[name] && name != "" && !strings.Contains(name, "{") {
		if len(s.uses) > 0 || s.closed != "" {
			r.apps[name] = true
		}
		return nil
	}
	if len(s.uses) == 0 && s.closed == "" {
		return nil
	}
	name = identifier(strings.Join(s.from.words, "-"))
	for r.apps[name] {
		name += "-1"
	}
	r.apps[name] = true
	return []draft.Line{draft.Words("app " + name)}
}

// providersOf returns the line that names the providers of a site, if there are several.
func (r *reader) providersOf(portals []*portal) []draft.Line {
	if len(r.plan.Providers) < 2 {
		return nil
	}
	var names []string
	for _, p := range portals {
		switch {
		case p == nil:
			for _, l := range r.realms {
				if l.provider != "" {
					names = append(names, l.provider)
				}
			}
		case p.standIn:
			names = append(names, standInName)
		default:
			for _, l := range r.enabled(p) {
				if l.provider != "" {
					names = append(names, l.provider)
				}
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []draft.Line{draft.Words("provider " + strings.Join(draft.Unique(names), " "))}
}

// extra returns what a portal demands of all its users.
func (r *reader) extra(p *portal) (rules []draft.Line) {
	if p == nil {
		return nil
	}
	if p.closed != "" {
		l := draft.Words("policy portal-closed-"+identifier(p.name), draft.Words("block"))
		l.Comment = p.closed
		rules = append(rules, l)
	}
	for i, t := range p.transforms {
		if !t.block && !t.mfa {
			continue
		}
		users, ok := r.all(p, t.conditions, i)
		if ok = ok && users.complete; ok && !users.everyone && len(users.atoms) == 0 {
			continue
		}
		demand, name := draft.Words("block"), "portal-block"
		if !t.block {
			demand, name = draft.Words("require mfa"), "portal-mfa"
		}
		l := draft.Words("policy "+name+"-"+identifier(p.name)+"-"+string(rune('a'+i%26))+strings.Repeat("z", i/26), demand)
		if ok && !users.everyone {
			l.Block = append(r.users("include", users.atoms, t.from.Origin), demand)
		} else if !ok {
			l.Comment = closedComment
			r.plan.Note(draft.Missing, t.from.at(), "the conditions have no equivalent, or are about several things: what the portal demands of these users is demanded of all users")
		}
		rules = append(rules, l)
	}
	return rules
}

// told returns what the app is told about its users.
func (r *reader) told(policies []*policy) (rules []draft.Line) {
	var own []draft.Line
	seen := set("")
	tells, programs := false, false
	for _, p := range policies {
		tells, programs = tells || p.claims, programs || p.programs
		for _, h := range p.headers {
			if name := strings.ToLower(h.name); !seen[name] {
				seen[name] = true
				own = append(own, h.from.Words("header", h.name, h.claim))
			}
		}
	}
	if programs {
		rules = append(rules, draft.Words("tokens on"))
	}
	if !tells {
		return append(append(rules, draft.Words("headers none")), own...)
	}
	var block []draft.Line
	for _, one := range [][2]string{{"name", "X-Token-User-Name"}, {"email", "X-Token-User-Email"}, {"groups", "X-Token-User-Roles"}} {
		if !seen[strings.ToLower(one[1])] {
			block = append(block, draft.Words(one[0]+" as "+one[1]))
		}
	}
	if seen["x-token-user-roles"] {
		rules = append(rules, draft.Words("headers remote groups", block...))
	} else {
		rules = append(rules, draft.Words("headers remote", block...))
	}
	if !seen["x-token-subject"] {
		rules = append(rules, draft.Words("header X-Token-Subject sub"))
	}
	r.plan.Note(draft.Differs, draft.At("inject headers with claims", 0), "X-Token-User-Roles has the groups that the provider names, with commas between them: roles that the portal gave are not among them. The app gets Remote-User as well")
	return append(rules, own...)
}

// register says what is to be registered at the providers.
func (r *reader) register(s *site, portals []*portal) {
	hosts := s.hosts()
	if r.signInHost != "" {
		if !slices.Contains(hosts, r.signInHost) {
			return
		}
		hosts = []string{r.signInHost}
	}
	first := true
	var paths []string
	for _, l := range r.plan.Providers {
		_, name, _ := strings.Cut(l.Words, " ")
		path := "/.latchkey/callback"
		if !first {
			path += "/" + name
		}
		first = false
		for _, p := range portals {
			used := p == nil || p.standIn && name == standInName
			if p != nil && !p.standIn {
				used = slices.ContainsFunc(r.enabled(p), func(one *realm) bool { return one.provider == name })
			}
			if used || r.signInHost != "" {
				paths = append(paths, path)
			}
		}
	}
	scheme := "https://"
	if strings.HasPrefix(s.from.words[0], "http://") && r.signInHost == "" {
		scheme = "http://"
	}
	for _, host := range hosts {
		if strings.Contains(host, "*") {
			r.plan.Note(draft.Todo, s.from.at(), "each host under this name has redirect URIs of its own at the provider: name the hosts, or let users sign in at one (`sign_in_host`, docs/single-sign-on.md)")
			continue
		}
		for _, path := range draft.Unique(paths) {
			r.plan.Note(draft.Todo, s.from.at(), "register %s%s%s as a redirect URI and %s%s/.latchkey/signed-out as a post-logout redirect URI at the provider, beside those of caddy-security", scheme, host, path, scheme, host)
		}
	}
}
