package caddysecurity

import (
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// transform is a block `transform user`: what becomes of users who meet all of its conditions.
type transform struct {
	from       *node
	conditions []literal
	// adds are roles that the users get. dynamic says that a role depends on the user; replaces that they lose roles.
	adds              []string
	dynamic, replaces bool
	// block says that the users may not sign in, mfa that they need a second factor.
	block, mfa bool
}

// transform reads a block `transform user`.
func (r *reader) transform(where string, n *node) (t transform) {
	t.from = n
	for _, one := range n.inner {
		o := one.Origin
		o.Key = where + ": transform user"
		words := one.words
		if slices.Contains(words, "match") || words[0] == "field" {
			t.conditions = append(t.conditions, condition(o, words))
			continue
		}
		if words[0] == "action" {
			words = words[1:]
		}
		action := strings.Join(words[:min(2, len(words))], " ")
		field := ""
		if len(words) > 1 {
			field = fields[words[1]]
		}
		switch {
		case len(words) > 2 && words[0] == "add" && field == "roles":
			for _, role := range words[2:] {
				t.dynamic = t.dynamic || strings.Contains(inserted.ReplaceAllString(role, ""), "{")
				t.adds = append(t.adds, role)
			}
			if t.dynamic {
				r.plan.Note(draft.Missing, o, "a role that depends on the user has no equivalent: groups are what the provider says")
			}
		case len(words) > 2 && words[0] == "overwrite" && field == "roles":
			t.adds, t.replaces = append(t.adds, words[2:]...), true
			r.plan.Note(draft.Missing, o, "roles cannot be taken from a user: groups that the provider names count for no rule of this portal")
		case len(words) > 1 && (words[0] == "delete" || words[0] == "drop") && (field == "roles" || action == "drop matched"):
			t.replaces = true
			r.plan.Note(draft.Missing, o, "roles cannot be taken from a user: groups that the provider names count for no rule of this portal")
		case len(words) > 0 && (words[0] == "block" || words[0] == "deny"):
			t.block = true
		case action == "require mfa":
			t.mfa = true
			r.plan.Note(draft.Differs, o, "the provider asks for the second factor: `require mfa` in a policy")
		case len(words) > 0 && words[0] == "require":
			t.block = true
			r.plan.Note(draft.Missing, o, "this demand has no equivalent: users who have to meet it are blocked until you write a policy")
		case action == "ui link":
			r.plan.Note(draft.Missing, o, "there is no page with links to apps; each user has a page of sessions at /.latchkey/me")
		case len(words) > 1 && slices.Contains([]string{"add", "overwrite", "delete"}, words[0]):
			r.plan.Note(draft.Missing, o, "claims are what the provider says and are not changed here")
		default:
			o.Key += ": " + one.Key
			t.block = true
			r.plan.Note(draft.Unknown, o, "this word is not known here: the users whom it is about are blocked until you write a policy")
		}
	}
	return t
}

// atom is one kind of users: a group, a user, a domain or all users of a provider. from are the providers that count.
type atom struct {
	kind, value string
	from        []string
}

// people are users. everyone says that they are all users; complete that no other user is meant.
type people struct {
	atoms              []atom
	everyone, complete bool
}

// people returns the users who meet a condition about users.
func (y *security) people(p *portal, l literal, before int) people {
	found := people{everyone: l.everyone, complete: !l.strange}
	if l.everyone || l.strange {
		return found
	}
	for _, v := range l.values {
		switch l.field {
		case "roles":
			one := y.role(p, v, before)
			found.everyone, found.complete = found.everyone || one.everyone, found.complete && one.complete
			found.atoms = append(found.atoms, one.atoms...)
		case "realm":
			provider := y.provides(p, v)
			if provider == "" {
				found.complete = false
				y.plan.Note(draft.Missing, l.from, "no provider takes the place of this realm: what the rule permits is not permitted")
				continue
			}
			found.atoms = append(found.atoms, atom{kind: "provider", value: provider})
		case "domain":
			found.atoms = append(found.atoms, atom{kind: "domain", value: v})
		default:
			found.atoms = append(found.atoms, atom{kind: "user", value: v})
		}
	}
	return found
}

// provides returns the provider of a realm of a portal.
func (y *security) provides(p *portal, realm string) string {
	if p == nil {
		return ""
	}
	for _, l := range y.enabled(p) {
		switch {
		case l.realm != realm:
		case p.standIn:
			return standInName
		default:
			return l.provider
		}
	}
	return ""
}

// asked is a role of a portal, as it is before one of its transformations.
type asked struct {
	portal *portal
	role   string
	before int
}

func unique(atoms []atom) (once []atom) {
	for _, a := range atoms {
		if !slices.ContainsFunc(once, func(b atom) bool { return a.kind == b.kind && a.value == b.value && slices.Equal(a.from, b.from) }) {
			once = append(once, a)
		}
	}
	return once
}

// role returns the users who have a role: those in the group, and those who get it from the portal.
func (y *security) role(p *portal, role string, before int) (found people) {
	if role == "anonymous" || role == "guest" {
		return people{} // users without a role: there is no word for them
	}
	if p == nil {
		return people{atoms: []atom{{kind: "group", value: role}}}
	}
	before = min(before, len(p.transforms))
	key := asked{p, role, before}
	if known, ok := y.roles[key]; ok {
		return known
	}
	defer func() {
		found.atoms = unique(found.atoms)
		y.roles[key] = found
	}()
	found.complete = true
	replaced := slices.ContainsFunc(p.transforms[:before], func(t transform) bool { return t.replaces })
	if replaced {
		found.complete = false
	} else {
		found.atoms, found.complete = y.group(p, role)
	}
	for i, t := range p.transforms[:before] {
		if t.dynamic {
			found.complete = false
		}
		if !slices.Contains(t.adds, role) || strings.Contains(role, "{") && !inserted.MatchString(role) {
			continue
		}
		got, ok := y.all(p, t.conditions, i)
		if !ok {
			found.complete = false
			y.plan.Note(draft.Missing, t.from.at(), "the conditions have no equivalent, or are about several things: the role that they give is given to no user. `allow` takes groups, users, domains and providers")
		}
		found.everyone = found.everyone || got.everyone
		found.complete = found.complete && got.complete
		found.atoms = append(found.atoms, got.atoms...)
	}
	return found
}

// group returns the users whom the providers of a portal, or its stores, give a role.
func (y *security) group(p *portal, role string) (atoms []atom, complete bool) {
	complete = true
	var from []string
	limited := false
	for _, l := range y.enabled(p) {
		if l.kind != "oauth" {
			complete = false
			for _, a := range l.users {
				if p.standIn && slices.Contains(a.roles, role) && a.email != "" && !strings.ContainsAny(a.email, "{}") {
					atoms = append(atoms, atom{kind: "user", value: a.email, from: []string{standInName}})
				}
			}
		}
		passes := len(l.filters) == 0
		for _, e := range l.filters {
			passes = passes || e.MatchString(role)
		}
		limited = limited || !passes
		if passes && l.provider != "" {
			from = append(from, l.provider)
		}
	}
	if !limited {
		return append([]atom{{kind: "group", value: role}}, atoms...), complete
	}
	if len(from) > 0 {
		atoms = append([]atom{{kind: "group", value: role, from: from}}, atoms...)
	}
	return atoms, complete
}

// all returns the users who meet all conditions, and whether that can be said.
func (y *security) all(p *portal, conditions []literal, before int) (found people, ok bool) {
	found = people{everyone: true, complete: true}
	var providers []string
	limited := false
	for _, l := range conditions {
		got := y.people(p, l, before)
		switch {
		case l.strange || l.negated || l.field == "method" || l.field == "path":
			return people{}, false
		case got.everyone:
		case l.field == "realm" && !limited:
			limited = true
			for _, a := range got.atoms {
				providers = append(providers, a.value)
			}
			found.complete = found.complete && got.complete
		case !found.everyone || l.field == "realm":
			return people{}, false
		default:
			found.everyone, found.atoms, found.complete = false, got.atoms, found.complete && got.complete
		}
	}
	if !limited {
		return found, true
	}
	if found.everyone {
		found.everyone = false
		for _, name := range providers {
			found.atoms = append(found.atoms, atom{kind: "provider", value: name})
		}
		return found, true
	}
	var kept []atom
	for _, a := range found.atoms {
		switch {
		case a.kind == "provider" && !slices.Contains(providers, a.value):
		case a.kind == "provider":
			kept = append(kept, a)
		default:
			var from []string
			for _, name := range providers {
				if len(a.from) == 0 || slices.Contains(a.from, name) {
					from = append(from, name)
				}
			}
			if a.from = from; len(from) > 0 {
				kept = append(kept, a)
			}
		}
	}
	found.atoms = kept
	return found, true
}
