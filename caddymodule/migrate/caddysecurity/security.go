package caddysecurity

import (
	"cmp"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// security is the option `security`.
type security struct {
	plan     *draft.Plan
	from     *node
	realms   []*realm
	portals  []*portal
	policies []*policy
	// roles are the users of a role that was asked for before.
	roles map[asked]people
	// signInHost is the host at which users sign in for all sites, if there is one.
	signInHost string
	// walkedLines counts the lines of all sites.
	walkedLines int
	long        bool
}

func (r *reader) tooLong(n *node) {
	if !r.long {
		r.faults = append(r.faults, n.Errorf("the sites have more than %d lines with their named routes", maxNodes))
	}
	r.long = true
}

// readSecurity reads the option.
func (r *reader) readSecurity() {
	if r.from == nil {
		return
	}
	for _, n := range r.from.inner {
		head := strings.Join(n.words[:min(len(n.words), 3)], " ")
		name := ""
		if len(n.words) > 3 {
			name = n.words[3]
		}
		switch {
		case n.name() == "import" && !n.block:
		case head == "oauth identity provider" || head == "saml identity provider" || head == "local identity store" || head == "ldap identity store":
			r.realms = append(r.realms, r.realm(n, name))
		case len(n.words) == 3 && strings.HasPrefix(head, "authentication portal "):
			r.portals = append(r.portals, r.portal(n))
		case len(n.words) == 3 && strings.HasPrefix(head, "authorization policy "):
			r.policies = append(r.policies, r.policy(n))
		default:
			r.note("security", n, inSecurity)
		}
	}
}

func (y *security) portalOf(name string) *portal {
	if i := slices.IndexFunc(y.portals, func(p *portal) bool { return p.name == name }); i >= 0 {
		return y.portals[i]
	}
	return nil
}

// settle decides what all sites share: who signs users in, for how long, and where.
func (r *reader) settle() {
	r.providers()
	r.lifetimes()
	r.hosts()
	for _, s := range r.sites {
		for i := range s.uses {
			u := &s.uses[i]
			if u.policy != "" {
				r.portalFor(s, u)
			}
		}
	}
}

// portalFor finds the portal whose users a policy is about: the one at its address, or the only one.
func (r *reader) portalFor(s *site, u *use) {
	at := slices.IndexFunc(r.policies, func(p *policy) bool { return p.name == u.policy })
	if at < 0 {
		return
	}
	p := r.policies[at]
	here := func(at *site) string {
		for _, other := range at.uses {
			if other.portal != "" {
				return other.portal
			}
		}
		return ""
	}
	switch host := hostOf(p.authURL); {
	case len(r.portals) == 1 && !r.elsewhere(host):
		u.portal = r.portals[0].name
	case host == "":
		u.portal = here(s)
	default:
		for _, other := range r.sites {
			if slices.Contains(other.hosts(), host) {
				u.portal = cmp.Or(u.portal, here(other))
			}
		}
	}
	if r.portalOf(u.portal) == nil {
		u.portal = ""
		if len(r.portals) > 0 { // users of the portals that are here could enter
			s.close(closedByPortal)
		}
		r.plan.Note(draft.Todo, p.from, "the file does not say which portal signs users in for this policy: roles that a portal gives count for no user. Put the option `security` of all servers into one file, or name users and groups with `allow`")
	}
}

// elsewhere reports whether the portal at a host is none of this file.
func (r *reader) elsewhere(host string) bool {
	return host != "" && !slices.ContainsFunc(r.sites, func(s *site) bool {
		return slices.ContainsFunc(s.uses, func(u use) bool { return u.policy == "" }) &&
			(!s.named() || strings.Contains(strings.Join(s.from.words, ""), "*") || slices.Contains(s.hosts(), host))
	})
}

// hosts finds the host at which users sign in for all sites: that of the portal, if each policy leads there.
func (r *reader) hosts() {
	found := ""
	for _, s := range r.sites {
		for _, u := range s.uses {
			for _, p := range r.policies {
				if p.name != u.policy {
					continue
				}
				host := hostOf(p.authURL)
				if host == "" || found != "" && found != host || !s.named() {
					return
				}
				found = host
			}
		}
	}
	for _, s := range r.sites {
		if len(s.hosts()) == 1 && s.hosts()[0] == found && slices.ContainsFunc(s.uses, func(u use) bool { return u.policy == "" }) {
			r.signInHost = found
		}
	}
	if r.signInHost == "" {
		return
	}
	l := draft.At("security", 0).Words("sign_in_host", r.signInHost)
	l.Comment = "Users sign in once for all sites, at the host where the portal was."
	r.plan.SignInHost = append(r.plan.SignInHost, l)
}
