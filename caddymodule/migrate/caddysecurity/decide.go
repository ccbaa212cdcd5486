package caddysecurity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// maxClauses is how many policies the rules that permit may become.
const maxClauses = 32

// demand is what the rules of a policy become in a site.
type demand struct {
	s    *site
	when when
	name string
	// whole says that `allow` may say who passes: the policy is for all requests of the site, and the first of its kind.
	whole bool
	count int
	// matchers are matchers of the site, rules lines of `latchkey`.
	matchers, rules []draft.Line
}

// clauses returns lists of which one part each has to hold: any of grants holds if all lists do.
func clauses(grants []term) (all [][]part, ok bool) {
	type choice []int
	chosen := []choice{{}}
	for _, t := range grants {
		var next []choice
		for _, c := range chosen {
			for i := range t {
				next = append(next, append(slices.Clone(c), i))
			}
		}
		if chosen = next; len(chosen) > maxClauses {
			return nil, false
		}
	}
	for _, c := range chosen {
		var list []part
		always := false
		for k, i := range c {
			p := grants[k][i]
			always = always || p.always()
			if !has(list, p) {
				list = append(list, p)
			}
		}
		if !always {
			all = append(all, list)
		}
	}
	// a list that has all of another one demands less than that
	var once [][]part
	slices.SortStableFunc(all, func(a, b []part) int { return len(a) - len(b) })
	for _, list := range all {
		if !slices.ContainsFunc(once, func(less []part) bool {
			return !slices.ContainsFunc(less, func(p part) bool { return !has(list, p) })
		}) {
			once = append(once, list)
		}
	}
	return once, true
}

func has(list []part, p part) bool {
	return slices.ContainsFunc(list, func(one part) bool { return one.words == p.words })
}

// write adds the lines of a verdict.
func (d *demand) write(r *reader, v verdict, from draft.Origin) {
	lists, ok := clauses(v.grants)
	switch {
	case v.closed != "":
	case !ok:
		v.closed = closedComment
		r.plan.Note(draft.Missing, from, "the rules that permit are about too many conditions together: the sites of this policy are closed")
	case len(v.grants) == 0:
		v.closed = "No rule of caddy-security that is known here lets a user enter. Write `allow` lines, then remove this policy."
	}
	if v.closed != "" {
		d.policy(when{}, v.closed, draft.Words("block"))
	}
	if !ok || len(v.grants) == 0 {
		return
	}
	for _, list := range lists {
		d.clause(r, list, from)
	}
	for _, one := range v.denials {
		d.denial(r, one)
	}
}

// clause adds what demands that one part of a list holds.
func (d *demand) clause(r *reader, list []part, from draft.Origin) {
	var atoms []atom
	var not *part
	c := when{}
	for _, p := range list {
		switch {
		case p.isRequest():
			c = c.and(p.when.not())
		case !p.negated:
			atoms = append(atoms, p.atoms...)
		case !p.people.everyone && not == nil:
			not = &p
		}
	}
	atoms = unique(atoms)
	if not == nil && c.always() && d.whole && len(atoms) > 0 {
		d.whole = false
		d.rules = append(d.rules, r.users("allow", atoms, from)...)
		return
	}
	var block []draft.Line
	if not != nil {
		block = append(block, r.users("include", not.atoms, from)...)
	}
	comment := ""
	if len(atoms) == 0 && not == nil {
		comment = "The rules of caddy-security that are known here let no user enter. Write `allow` lines, then remove this policy."
	}
	d.policy(c, comment, append(append(block, r.users("exclude", atoms, from)...), draft.Words("block"))...)
}

// denial adds what refuses users.
func (d *demand) denial(r *reader, one denial) {
	var include, exclude []atom
	limited, wider := false, false
	c := when{}
	for _, p := range one.term {
		switch {
		case p.isRequest():
			c = c.and(p.when)
		case p.negated && p.people.everyone || !p.negated && !p.people.everyone && len(p.atoms) == 0:
			return // it is about no user
		case p.negated:
			exclude = append(exclude, p.atoms...)
		case p.people.everyone:
		case limited:
			wider = true
		default:
			limited, include = true, p.atoms
		}
	}
	for _, t := range one.except {
		if len(t) == 1 && !t[0].isRequest() && !t[0].negated && !t[0].people.everyone {
			exclude = append(exclude, t[0].atoms...)
		} else {
			wider = true
		}
	}
	if wider {
		r.plan.Note(draft.Differs, one.from, "the rule refuses more users than before: a policy has one list of users whom it is for, and of those whom it spares")
	}
	if limited && len(exclude) == 0 && c.always() && d.when.always() {
		d.rules = append(d.rules, r.users("deny", unique(include), one.from)...)
		return
	}
	block := append(r.users("include", unique(include), one.from), r.users("exclude", unique(exclude), one.from)...)
	d.policy(c, "", append(block, draft.Words("block"))...)
}

// policy adds a policy for the requests of the site that meet a condition.
func (d *demand) policy(c when, comment string, block ...draft.Line) {
	d.count++
	name := fmt.Sprintf("%s-%d", identifier(d.name), d.count)
	l := draft.Words("policy "+name, block...)
	l.Comment = comment
	if c = d.when.and(c); !c.always() {
		m := d.s.matcherName(name)
		d.matchers = append(d.matchers, draft.Words("@"+m, c.matcher()...))
		l.Words += " @" + m
	}
	d.rules = append(d.rules, l)
}

// users returns lines with users, those of a kind together.
func (r *reader) users(word string, atoms []atom, from draft.Origin) (all []draft.Line) {
	for _, kind := range []string{"group", "user", "domain", "provider"} {
		var sources []string
		byFrom := map[string][]string{}
		for _, a := range atoms {
			if a.kind != kind {
				continue
			}
			source := strings.Join(a.from, " ")
			if len(r.plan.Providers) < 2 {
				source = ""
			}
			if !slices.Contains(sources, source) {
				sources = append(sources, source)
			}
			if !slices.Contains(byFrom[source], a.value) {
				byFrom[source] = append(byFrom[source], a.value)
			}
		}
		for _, source := range sources {
			l := from.Words(word+" "+kind, byFrom[source]...)
			l.Verbatim = strings.Contains(strings.Join(l.Given, ""), "{$")
			if source != "" {
				l.After = "from " + source
			}
			all = append(all, l)
		}
	}
	return all
}
