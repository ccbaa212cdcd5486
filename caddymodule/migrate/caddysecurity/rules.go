package caddysecurity

import (
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// rule is a rule of a policy. All its conditions have to hold, or one of them if any is set. A user who meets a rule that
// allows may pass if no later rule denies; stop ends the list at once.
type rule struct {
	from             draft.Origin
	allow, stop, any bool
	conditions       []literal
}

// acl reads `acl rule { ... }` and `acl default allow|deny`.
func (r *reader) acl(where string, p *policy, n *node) {
	o := n.Origin
	o.Key = where + ": acl"
	if len(n.words) == 3 && n.words[1] == "default" && (n.words[2] == "allow" || n.words[2] == "deny") {
		p.rules = append(p.rules, rule{from: o, allow: n.words[2] == "allow", conditions: []literal{{from: o, everyone: true}}})
		return
	}
	rl := rule{from: o}
	stated := false
	for _, one := range n.inner {
		at := one.Origin
		at.Key = where + ": acl " + one.Key
		switch one.name() {
		case "comment":
		case "allow", "deny":
			stated = true
			rl.allow = one.name() == "allow"
			rl.any = one.arg(0) == "any"
			rl.stop = stops(one.words)
		default:
			rl.conditions = append(rl.conditions, condition(at, one.words))
		}
	}
	if len(n.words) != 2 || n.words[1] != "rule" || !stated || len(rl.conditions) == 0 {
		r.plan.Note(draft.Unknown, o, "this is no rule that is known here: the sites of this policy are closed")
		p.closed = closedComment
		return
	}
	p.rules = append(p.rules, rl)
}

// stops reports whether an action ends the list. The word behind `tag` is a name.
func stops(action []string) bool {
	for i, word := range action {
		if word == "stop" && action[i-1] != "tag" {
			return true
		}
	}
	return false
}

// short reads allow|deny <field> <value>... [with <method>] [to <path>].
func (r *reader) short(p *policy, n *node) {
	rl := rule{from: n.Origin, allow: n.name() == "allow", stop: n.name() == "deny"}
	mode, everyone := "field", false
	var words []string
	for _, word := range n.args() {
		switch {
		case word == "with":
			mode = "method"
		case word == "to":
			mode = "path"
		case mode == "field":
			everyone = everyone || word == "*" || word == "any"
			words = append(words, word)
		case mode == "method":
			rl.conditions = append(rl.conditions, condition(n.Origin, []string{"match", "method", strings.ToUpper(word)}))
			mode, p.routed = "path", true
		case mode == "path":
			rl.conditions = append(rl.conditions, condition(n.Origin, []string{"partial", "match", "path", word}))
			mode, p.routed = "end", true
		default:
			words = nil
			mode = "end"
		}
	}
	switch {
	case len(words) < 2:
		r.plan.Note(draft.Unknown, n.Origin, "this is no rule that is known here: the sites of this policy are closed")
		p.closed = closedComment
		return
	case everyone:
		words = []string{"field", words[0], "exists"}
	default:
		words = append([]string{"match"}, words...)
	}
	rl.conditions = append([]literal{condition(n.Origin, words)}, rl.conditions...)
	p.rules = append(p.rules, rl)
}

// term is a list of conditions that have to hold together.
type term []part

// part is a condition with the users whom it is about.
type part struct {
	literal
	people
}

func (p part) always() bool    { return p.people.everyone && !p.negated }
func (p part) isRequest() bool { return p.field == "method" || p.field == "path" }

// verdict is what the rules of a policy amount to: a user passes who meets one of grants and none of denials.
type verdict struct {
	grants  []term
	denials []denial
	closed  string
}

// denial is a term that refuses, except for users who meet one of the terms that ended the list before it.
type denial struct {
	from   draft.Origin
	term   term
	except []term
}

// decide puts the rules together for the users of a portal.
func (r *reader) decide(p *policy, users *portal) (v verdict) {
	v.closed = p.closed
	var stops []term
	before := 1 << 30
	for _, rl := range p.rules {
		var parts term
		for _, c := range rl.conditions {
			parts = append(parts, part{c, r.people(users, c, before)})
		}
		for _, c := range parts {
			if c.isRequest() && !p.routed { // the field is never there, so the condition never holds
				r.plan.Note(draft.Differs, c.from, "methods and paths are not looked at without `validate path acl`: the rule never holds")
			}
		}
		terms := []term{parts}
		if rl.any {
			terms = nil
			for _, c := range parts {
				terms = append(terms, term{c})
			}
		}
		for _, t := range terms {
			if end := r.weigh(&v, rl, t, &stops, p.routed); end {
				return v
			}
		}
	}
	return v
}

// weigh adds a term of a rule, and reports whether no later rule counts.
func (r *reader) weigh(v *verdict, rl rule, t term, stops *[]term, routed bool) (end bool) {
	always := !slices.ContainsFunc(t, func(c part) bool { return !c.always() || c.strange })
	unseen := slices.ContainsFunc(t, func(c part) bool { return c.isRequest() && !routed })
	// users of whom it is not known that they are meant must not pass because they are not
	strange := slices.ContainsFunc(t, func(c part) bool { return c.strange || c.negated && !c.isRequest() && !c.complete })
	switch {
	case unseen:
		return false
	case rl.allow:
		if strange {
			r.plan.Note(draft.Missing, rl.from, "the rule has no equivalent, because it is about a part of a text, an expression or a field that is none of roles, email, sub, realm, method and path: what it permits is not permitted")
			return false
		}
		v.grants = append(v.grants, t)
		if rl.stop {
			*stops = append(*stops, t)
		}
		return always && rl.stop
	}
	if always {
		v.grants = *stops
		return true
	}
	var known term
	for _, c := range t {
		// users of whom it is not known that they are meant have to be refused as well
		if c.strange || !c.complete && !c.isRequest() && !c.negated {
			r.plan.Note(draft.Missing, rl.from, "the rule restricts who may enter and has no equivalent: it refuses more users here, or all")
			continue
		}
		known = append(known, c)
	}
	if len(known) == 0 {
		v.closed = closedComment
		return false
	}
	v.denials = append(v.denials, denial{from: rl.from, term: known, except: slices.Clone(*stops)})
	return false
}
