package apache

import (
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// atom is one kind of user who passes: a group, a user or a domain.
type atom struct {
	kind, value string
	from        draft.Origin
}

// clause is a list of atoms, one of which is enough. everyone says that each user passes.
type clause struct {
	atoms    []atom
	everyone bool
}

// demand is what a section demands: all clauses, and none of deny.
type demand struct {
	clauses []clause
	deny    []atom
	// closed says why no user passes; open that no sign-in is needed; stated that the section says anything.
	closed       string
	open, stated bool
}

const closedComment = "A demand of Apache was not taken over: write what takes its place, then remove this policy."

// demands reads what a section demands. Without RequireAll one of its lines is enough.
func (r *reader) demands(s *server, section *directive) demand {
	var list []*directive
	for _, d := range section.inner {
		switch d.name {
		case "require", "requireany", "requireall", "requirenone":
			list = append(list, d)
		case "limit", "limitexcept":
			d.read = true
			r.plan.Note(draft.Differs, d.Origin, "what stands in it is demanded for every method: a policy with `match { method ... }` restricts it")
			for _, inner := range d.inner {
				if strings.HasPrefix(inner.name, "require") {
					list = append(list, inner)
				}
			}
		}
	}
	if len(list) == 0 {
		return demand{}
	}
	found := r.any(s, list)
	found.stated = true
	return found
}

// any reads alternatives. What is not understood permits no user, and is left out.
func (r *reader) any(s *server, list []*directive) (all demand) {
	var c clause
	for _, d := range list {
		d.read = true
		switch d.name {
		case "requireall":
			if len(list) == 1 {
				return r.all(s, d.inner)
			}
			r.note(d, draft.Missing, "demands that count together beside others: what they permit is not permitted")
		case "requireany":
			inner := r.any(s, d.inner)
			all.deny, all.open = append(all.deny, inner.deny...), all.open || inner.open
			for _, one := range inner.clauses {
				c.atoms, c.everyone = append(c.atoms, one.atoms...), c.everyone || one.everyone
			}
		case "requirenone":
			r.none(s, d, &all)
		default:
			r.require(s, d, &c, &all)
		}
	}
	if len(c.atoms) == 0 && !c.everyone && !all.open && all.closed == "" {
		all.closed = closedComment
	}
	all.clauses = append(all.clauses, c)
	return all
}

// all reads demands that count together. What is not understood closes.
func (r *reader) all(s *server, list []*directive) (all demand) {
	for _, d := range list {
		d.read = true
		var inner demand
		switch d.name {
		case "requireall":
			inner = r.all(s, d.inner)
		case "requirenone":
			r.none(s, d, &inner)
		case "require":
			if strings.EqualFold(d.arg(0), "not") {
				r.require(s, d, new(clause), &inner)
				break
			}
			inner = r.any(s, []*directive{d})
		case "requireany":
			inner = r.any(s, d.inner)
		default:
			r.note(d, draft.Unknown, "this is not known here and is not taken over")
			inner.closed = closedComment
		}
		if inner.open {
			inner.clauses = nil // it demands nothing
		}
		all.clauses, all.deny = append(all.clauses, inner.clauses...), append(all.deny, inner.deny...)
		if inner.closed != "" {
			all.closed = inner.closed
		}
	}
	return all
}

// none reads what no user may be.
func (r *reader) none(s *server, d *directive, all *demand) {
	d.read = true
	var c clause
	var inner demand
	for _, one := range d.inner {
		one.read = true
		if one.name != "require" {
			r.note(one, draft.Missing, "what is excluded is a list of Require here: the part is closed")
			all.closed = closedComment
			continue
		}
		r.require(s, one, &c, &inner)
	}
	all.deny = append(all.deny, c.atoms...)
	if inner.closed != "" || c.everyone || inner.open || len(c.atoms) < len(d.inner) {
		all.closed = closedComment
	}
}

// require reads a line Require.
func (r *reader) require(s *server, d *directive, c *clause, all *demand) {
	args := d.args
	negated := len(args) > 0 && strings.EqualFold(args[0], "not")
	if negated {
		args = args[1:]
		inner := clause{}
		var ignored demand
		positive := &directive{Origin: d.Origin, name: d.name, args: args}
		r.require(s, positive, &inner, &ignored)
		all.deny = append(all.deny, inner.atoms...)
		if len(inner.atoms) == 0 {
			all.closed = closedComment
		}
		return
	}
	if len(args) == 0 {
		r.plan.Note(draft.Unknown, d.Origin, "demands nothing that is known here")
		return
	}
	switch kind := strings.ToLower(args[0]); kind {
	case "valid-user":
		c.everyone = true
	case "all":
		switch strings.ToLower(d.arg(1)) {
		case "granted":
			all.open = true
		default:
			all.closed = "Apache lets no user enter here."
		}
	case "user":
		for _, name := range args[1:] {
			if i := strings.Index(name, "@"); i > 0 && s.user == "sub" {
				name = name[:i] // the issuer stood behind it
			}
			c.atoms = append(c.atoms, atom{"user", name, d.Origin})
		}
	case "claim":
		for _, text := range args[1:] {
			r.claim(s, d, text, c)
		}
	case "claims_expr", "claim_expr":
		r.plan.Note(draft.Missing, d.Origin, "an expression in jq is not taken over: what it permits is not permitted. A policy takes groups, users and Caddy's matchers")
	default:
		r.plan.Note(draft.Missing, d.Origin, "a demand that is not about the user (address, method, variable, expression, host) is not taken over: what it permits is not permitted. A policy takes networks (`network`) and Caddy's matchers (`match`)")
	}
}

// personal are the claims that name a user.
var personal = []string{"email", "preferred_username", "upn", "sub"}

// claim reads one claim of a line Require: name:value, or name~expression.
func (r *reader) claim(s *server, d *directive, text string, c *clause) {
	at := strings.IndexAny(text, ":~")
	if at <= 0 || text[at] == '~' || at+1 == len(text) {
		r.plan.Note(draft.Missing, d.Origin, "a claim that an expression has to match is not taken over: what it permits is not permitted")
		return
	}
	switch name, value := text[:at], text[at+1:]; {
	case name == s.groups:
		c.atoms = append(c.atoms, atom{"group", value, d.Origin})
	case name == s.user || name == "email":
		c.atoms = append(c.atoms, atom{"user", value, d.Origin})
		if name == "email" {
			r.plan.Note(draft.Differs, d.Origin, "an address counts if the provider says email_verified true")
		}
	case name == "hd":
		c.atoms = append(c.atoms, atom{"domain", strings.ToLower(value), d.Origin})
		r.plan.Note(draft.Differs, d.Origin, "hd becomes the domain of the verified address")
	default:
		r.plan.Note(draft.Missing, d.Origin, "groups are one claim and users another here (`groups_claim`, `user_claim`): what a third one permits is not permitted")
	}
}

// groupsClaim returns the claim that has the groups: the first one that a line Require names and that names no user.
func groupsClaim(list []*directive, user string) string {
	for _, d := range list {
		if d.name == "require" {
			for i, text := range d.args {
				name, _, ok := strings.Cut(text, ":")
				if i == 0 || !ok || !isClaimDemand(d) || name == user || name == "hd" || strings.Contains(name, "~") {
					continue
				}
				if !contains(personal, name) {
					return name
				}
			}
		}
		if found := groupsClaim(d.inner, user); found != "" {
			return found
		}
	}
	return ""
}

func isClaimDemand(d *directive) bool {
	return strings.EqualFold(d.arg(0), "claim") || strings.EqualFold(d.arg(0), "not") && strings.EqualFold(d.arg(1), "claim")
}

func contains(list []string, text string) bool {
	for _, one := range list {
		if one == text {
			return true
		}
	}
	return false
}
