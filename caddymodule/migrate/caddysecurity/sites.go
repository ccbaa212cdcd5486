package caddysecurity

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// site is a site of the file.
type site struct {
	from *node
	// lines are its directives without those of caddy-security.
	lines []draft.Line
	uses  []use
	// closed says why no user may enter.
	closed string
}

// use is a line `authorize` or `authenticate`, and the requests that reach it.
type use struct {
	from *node
	when when
	// policy or portal is the name behind `with`.
	policy, portal string
}

func (s *site) close(why string) {
	if s.closed == "" {
		s.closed = why
	}
}

// scan reads a site.
func (r *reader) scan(n *node) *site {
	s := &site{from: n}
	s.lines = r.walk(s, n.inner, walked{exact: true, outermost: true})
	return s
}

// walked is what is known about the requests that reach a block.
type walked struct {
	when     when
	matchers map[string]when
	// exact says that matchers in the block see a request as the site did: nothing has rewritten it.
	exact bool
	// ordered says that directives run in the order in which they stand; outermost that the block is the site.
	ordered, outermost bool
}

// rewriting are the directives after which a matcher may see another request. Those of the outermost block run before
// `latchkey`, except for late.
var (
	rewriting = set("rewrite uri try_files method map vars root request_header forward_auth basic_auth basicauth")
	late      = set("request_header forward_auth basic_auth basicauth")
	// answering are directives that answer a request.
	answering = set("respond redir file_server reverse_proxy php_fastcgi handle handle_path route error abort templates metrics acme_server")
)

// condition returns the condition of a matcher, and whether it is known.
func (w walked) condition(matcher string) (when, bool) {
	switch {
	case !w.exact:
		return when{}, false
	case strings.HasPrefix(matcher, "@"):
		c, ok := w.matchers[matcher]
		return c, ok
	case later.MatchString(matcher):
		return when{}, false
	case strings.HasPrefix(matcher, "/"):
		return paths(draft.Origin{Key: "a matcher of a path"}, matcher), true
	}
	return when{}, true
}

// at returns when a request reaches a directive with a matcher. What is not known holds for more requests.
func (w walked) at(matcher string) when {
	if c, ok := w.condition(matcher); ok {
		return w.when.and(c)
	}
	return w.when
}

// walk reads the directives of a block, and returns those that stay.
func (r *reader) walk(s *site, nodes []*node, w walked) (lines []draft.Line) {
	w.matchers = maps.Clone(w.matchers)
	if w.matchers == nil {
		w.matchers = map[string]when{}
	}
	for _, n := range nodes {
		if w.exact = w.exact && !(rewriting[n.name()] && (!w.outermost || late[n.name()])); strings.HasPrefix(n.name(), "@") {
			delete(w.matchers, n.name()) // that of the block around it, or of the caller of a named route
			if c, ok := r.definition(n, s); ok {
				w.matchers[n.name()] = c
			}
		}
	}
	for i, n := range nodes {
		if r.walkedLines++; r.walkedLines > maxNodes {
			r.tooLong(n)
			return nil
		}
		switch name := n.name(); {
		case strings.HasPrefix(name, "@"):
			lines = append(lines, r.line(n, s.close, "matcher"))
		case name == "import" && !n.block:
			s.close(closedByImport)
		case name == "authorize" || name == "authenticate":
			if w.ordered && slices.ContainsFunc(nodes[:i], func(one *node) bool { return answering[one.name()] }) {
				r.plan.Note(draft.Differs, n.Origin, "what stands in front of it in the same block needs a sign-in as well")
			}
			lines = append(lines, r.used(s, n, w)...)
		case name == "handle" || name == "handle_path" || name == "route" || name == "invoke" && r.routes[n.arg(len(n.words)-2)] != nil:
			lines = append(lines, r.inner(s, nodes, i, w))
		case directives[name]:
			if l := r.line(n, s.close); !n.block || len(l.Block) > 0 || len(n.words) > 1 {
				lines = append(lines, l)
			}
		default:
			r.plan.Note(draft.Unknown, n.Origin, "this directive is not known here and is not taken over. The site is closed until what takes its place is written")
			s.close(closedDirective)
		}
	}
	return lines
}

// used reads a line `authorize` or `authenticate`.
func (r *reader) used(s *site, n *node, w walked) []draft.Line {
	matcher, rest := matcherWord(n.args())
	if len(rest) != 2 || rest[0] != "with" || n.block {
		r.plan.Note(draft.Unknown, n.Origin, "does not say `with` and a name: the site is closed")
		s.close(closedComment)
		return nil
	}
	u := use{from: n, when: w.at(matcher)}
	if n.name() == "authorize" {
		u.policy = rest[1]
		s.uses = append(s.uses, u)
		return nil
	}
	u.portal = rest[1]
	s.uses = append(s.uses, u)
	l := draft.Words("route", draft.Words("redir * /.latchkey/me"))
	if matcher != "" && matcher != "*" {
		l.Given, l.Verbatim, l.From = []string{matcher}, true, n.Origin
	}
	l.Comment = "In place of the portal: the page of the user, with the button for sign-out."
	return []draft.Line{l}
}

// inner reads a block of directives within a block.
func (r *reader) inner(s *site, nodes []*node, i int, w walked) draft.Line {
	n := nodes[i]
	matcher, _ := matcherWord(n.args())
	within := walked{when: w.at(matcher), matchers: w.matchers, exact: w.exact, ordered: n.name() == "route" || n.name() == "invoke"}
	l := draft.Line{Given: r.words(n, nil), Verbatim: true, From: n.Origin}
	switch n.name() {
	case "invoke":
		name := n.arg(len(n.words) - 2)
		body := r.routes[name]
		r.routes[name] = nil // a route that invokes itself is not known to itself
		l.Given = append([]string{"route"}, l.Given[1:len(l.Given)-1]...)
		l.Block = r.walk(s, body, within)
		r.routes[name] = body
		return l
	case "handle", "handle_path":
		for _, other := range before(nodes, i, w.ordered) {
			if c, ok := w.condition(other); ok && !c.always() {
				within.when = within.when.and(c.not())
			}
		}
		within.exact = within.exact && n.name() == "handle"
	}
	l.Block = r.walk(s, n.inner, within)
	return l
}

// before returns the matchers of blocks that take a request before one of the same kind: only one of them gets it. It leaves
// out those whose order is not known here.
func before(nodes []*node, i int, ordered bool) (matchers []string) {
	own, rest := matcherWord(nodes[i].args())
	own = strings.TrimSuffix(own, "*")
	last := own == "" && len(rest) == 0 // it has no matcher
	byPath := byPath(nodes)
	for k, n := range nodes {
		other, _ := matcherWord(n.args())
		longer := byPath && strings.HasPrefix(own, "/") && len(strings.TrimSuffix(other, "*")) > len(own)
		if k != i && n.name() == nodes[i].name() && other != "" && other != "*" && (ordered && k < i || !ordered && (last || longer)) {
			matchers = append(matchers, other)
		}
	}
	return matchers
}

// byPath reports whether the block with the longer path is the first of each two that have a matcher. Caddy moves a block
// forward past those with shorter paths, but not past one with another matcher. A word with a placeholder in it may be
// longer or shorter than it looks, or another matcher.
func byPath(nodes []*node) bool {
	return !slices.ContainsFunc(nodes, func(n *node) bool {
		matcher, rest := matcherWord(n.args())
		return (n.name() == "handle" || n.name() == "handle_path") && (len(rest) > 0 || strings.HasPrefix(matcher, "@") || strings.Contains(matcher, "{"))
	})
}

// definition returns the condition of a named matcher, and whether it is the same in front of the site.
func (r *reader) definition(n *node, s *site) (when, bool) {
	var c when
	args := n.args()
	switch {
	case n.block && len(args) == 0:
		for _, one := range n.inner {
			c.lines = append(c.lines, r.line(one, s.close, "matcher"))
		}
	case len(args) == 1 && !slices.Contains([]string{"file", "tls"}, args[0]):
		c.lines = []draft.Line{{Words: "expression", Given: args, Verbatim: true, From: n.Origin}}
	case len(args) > 0:
		one := *n
		one.words = args
		c.lines = []draft.Line{r.line(&one, s.close, "matcher")}
	}
	return c, len(c.lines) > 0 && !mentions(n, later)
}

// later are the placeholders whose values are not there in front of the site: those of a user, of an error, and what another
// matcher leaves. Caddy evaluates the matchers of one set in any order.
var later = regexp.MustCompile(`http\.(?:auth|error|regexp|matchers|reverse_proxy)\.|\{(?:re|file_match|err|rp)\.`)

func mentions(n *node, e *regexp.Regexp) bool {
	return slices.ContainsFunc(n.words, e.MatchString) || slices.ContainsFunc(n.inner, func(one *node) bool { return mentions(one, e) })
}
