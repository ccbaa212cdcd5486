package caddysecurity

import (
	"errors"
	"slices"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// reader reads a Caddyfile with the words of caddy-security.
type reader struct {
	plan    *draft.Plan
	options draft.Options
	faults  []error
	*security
	// routes are the named routes.
	routes map[string][]*node
	sites  []*site
	*copier
	// apps are the names of the sites.
	apps map[string]bool
}

// Read reads a Caddyfile with the words of caddy-security.
func Read(source []byte, o draft.Options) (*draft.Plan, error) {
	m := &importer{options: o, snippets: map[string][]*node{}, routes: map[string][]*node{}}
	nodes, err := m.file("", source, scope{})
	if err != nil {
		return nil, err
	}
	plan := new(draft.Plan)
	r := &reader{
		plan: plan, options: o, routes: m.routes, apps: map[string]bool{},
		copier: &copier{plan: plan, secrets: map[string]string{}}, security: &security{plan: plan, roles: map[asked]people{}},
	}
	for _, n := range m.unread {
		r.plan.Note(draft.Missing, n.Origin, "the files that it names are not read: put what they say into this file. A site that imports one is closed until you have done so")
	}
	if m.used || len(m.routes) > 0 {
		r.plan.Note(draft.Differs, draft.Origin{}, "snippets, named routes and imported files are written out where they are used")
	}
	for i, n := range nodes {
		switch {
		case n.name() == "import" && !n.block:
		case len(n.words) == 0 && i == 0:
			r.global(n)
		case len(n.words) == 0:
			return nil, n.Errorf("the global options stand in front of all sites, once")
		default:
			r.sites = append(r.sites, r.scan(n))
		}
	}
	if !slices.ContainsFunc(r.sites, func(s *site) bool { return len(s.uses) > 0 }) {
		return nil, errors.New("no site says authorize or authenticate, so there is nothing to migrate")
	}
	r.settle()
	for _, s := range r.sites {
		r.write(s)
	}
	r.plan.Note(draft.Differs, draft.Origin{}, "sessions are not taken over: users sign in once more, which most providers do without a question")
	r.plan.Note(draft.Differs, draft.Origin{}, "a session is in a store and not in a token: an administrator, the provider or the user can end it (docs/sign-out.md)")
	return r.plan, errors.Join(r.faults...)
}

// global reads the global options.
func (r *reader) global(n *node) {
	for _, one := range n.inner {
		if one.name() == "security" {
			r.from = one
			r.collect(one)
		}
	}
	for _, one := range n.inner {
		name := one.name()
		switch {
		case name == "security":
		case name == "import" && !one.block:
		case name == "order":
			r.plan.Note(draft.Differs, one.Origin, "`latchkey` has a place in Caddy's order already: before basic_auth, where authorize was")
		case name == "acme_dns" || name == "dns":
			r.plan.Note(draft.Todo, one.Origin, "needs a module of Caddy for this provider: build Latchkey with it (docs/install.md), then write this line again")
		case name == "storage" && one.arg(0) != "file_system":
			r.plan.Note(draft.Todo, one.Origin, "needs a module of Caddy for this storage: build Latchkey with it (docs/install.md), then write this line again")
		case globals[name]:
			r.plan.Options = append(r.plan.Options, r.line(one, func(string) {}))
		default:
			r.plan.Note(draft.Unknown, one.Origin, "this global option is not known here and is not taken over")
		}
	}
	r.readSecurity()
}

// note makes a note about a line of a block. where is the block.
func (r *reader) note(where string, n *node, s said) {
	words, x, ok := s.of(n)
	o := n.Origin
	if !ok {
		o.Key = where + ": " + n.Key
		r.plan.Note(draft.Unknown, o, notKnown)
		return
	}
	o.Key = where + ": " + words
	r.plan.Note(x.Level, o, "%s", x.Text)
}
