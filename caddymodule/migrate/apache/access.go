package apache

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// part is a section with the paths that it is for.
type part struct {
	demand
	from *directive
	// whole says that it is for all paths, or that its paths are not known here. Else one of path and pattern says which.
	whole         bool
	path, pattern string
	signsIn       bool
}

var sections = []string{"location", "locationmatch", "directory", "directorymatch", "proxy", "proxymatch", "files", "filesmatch"}

// access reads who may enter which part.
func (r *reader) access(s *server) {
	for _, d := range s.all {
		if !slices.Contains(sections, d.name) {
			continue
		}
		d.read = true
		p := part{from: d, demand: r.demands(s, d), signsIn: slices.ContainsFunc(d.inner, func(one *directive) bool { return one.name == "authtype" && isOpenID(one.arg(0)) })}
		r.inSection(s, d)
		if !p.signsIn && !p.stated {
			continue
		}
		if !p.signsIn && d.name == "directory" && (p.open || d.arg(0) == "/") {
			continue // about the disk, not about users
		}
		r.where(s, &p)
		if p.signsIn && !p.stated {
			r.plan.Note(draft.Missing, d.Origin, "has no Require: Apache asks no user to sign in here. The part is closed to users who are not signed in")
			p.clauses = []clause{{everyone: true}}
		}
		if p.signsIn {
			p.open = false
		}
		s.parts = append(s.parts, p)
	}
	if slices.ContainsFunc(s.parts, func(p part) bool { return p.signsIn && p.whole }) {
		r.wholeSite(s)
	} else {
		r.someParts(s)
	}
}

// where finds the paths of a section. Where they are not known here, the whole site is closed in their place.
func (r *reader) where(s *server, p *part) {
	d, text, pattern := p.from, p.from.arg(0), strings.HasSuffix(p.from.name, "match")
	if text == "~" {
		text, pattern = d.arg(1), true
	}
	base := strings.TrimSuffix(d.name, "match")
	if base == "directory" && !pattern {
		text = s.urlOf(text)
	}
	if base == "proxy" && text == "*" {
		text = "/"
	}
	switch {
	case base == "files" || base == "proxy" && text != "/" || pattern && base == "directory" || text == "":
		p.whole = true
	case pattern && (text == "^/" || text == "/" || text == ".*" || text == "^/.*" || text == "^/.*$"):
		p.whole = true
		return
	case pattern && draft.IsPattern(text):
		p.pattern = text
		return
	case !pattern && (text == "/" || text == "/*"):
		p.whole = true
		return
	case !pattern && strings.HasPrefix(text, "/") && plainPath.MatchString(text):
		p.path = text
		return
	default:
		p.whole = true
	}
	if p.signsIn {
		r.plan.Note(draft.Differs, d.Origin, "the paths of this section are not known here, or have a character that means something else in a Caddyfile: the whole site is closed in their place")
	} else {
		r.plan.Note(draft.Missing, d.Origin, "the paths of this section are not known here: what it opens stays closed, and what it closes is to be closed by a policy")
	}
}

var plainPath = regexp.MustCompile(`^[A-Za-z0-9/_.~@:+,=-]+$`)

// urlOf returns the path under which a directory is served, or an empty text.
func (s *server) urlOf(dir string) string {
	clean := func(text string) string { return strings.TrimSuffix(text, "/") + "/" }
	dir = clean(dir)
	for _, d := range s.all {
		from, to := "", ""
		switch d.name {
		case "documentroot":
			from, to = clean(d.arg(0)), "/"
		case "alias":
			from, to = clean(d.arg(1)), clean(d.arg(0))
		default:
			continue
		}
		if rest, ok := strings.CutPrefix(dir, from); ok && from != "/" {
			return "/" + strings.Trim(to+rest, "/")
		}
		if d.name == "documentroot" && strings.HasPrefix(from, dir) {
			return "/"
		}
	}
	return ""
}

// wholeSite closes the whole site, but for what is open.
func (r *reader) wholeSite(s *server) {
	var rules []draft.Line
	restricted := false
	for i, p := range s.parts {
		switch {
		case p.whole && p.signsIn:
			lines := r.entrance(p)
			restricted = restricted || len(lines) > 0
			rules = append(rules, lines...)
		case p.open && p.path != "":
			pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSuffix(p.path, "/")), `\-`, "-")
			if strings.HasSuffix(p.path, "/") {
				pattern += "/"
			} else {
				pattern += "(/|$)"
			}
			s.site.Open = append(s.site.Open, draft.OpenPattern(p.from.Origin, "", pattern, false))
		case p.open && p.pattern != "":
			s.site.Open = append(s.site.Open, draft.OpenPattern(p.from.Origin, "", p.pattern, false))
		case !p.whole:
			rules = append(rules, r.policies(s, p, i)...)
			if restricted {
				r.plan.Note(draft.Differs, p.from.Origin, "users have to satisfy what the whole site demands as well: in Apache the demand of a section replaces the one outside")
			}
		}
	}
	s.site.Rules = append(s.site.Rules, rules...)
}

// someParts closes only the parts that Apache closes.
func (r *reader) someParts(s *server) {
	var guarded, rules []draft.Line
	for i, p := range s.parts {
		if p.open || p.whole {
			continue
		}
		guarded = append(guarded, p.matcher())
		rules = append(rules, r.policies(s, p, i)...)
	}
	switch {
	case len(guarded) == 1:
		s.site.Open = guarded
	case len(guarded) > 1:
		for i := range guarded {
			guarded[i].Words = "not " + guarded[i].Words
		}
		s.site.Open = []draft.Line{draft.Words("not", guarded...)}
	}
	s.site.Rules = append(s.site.Rules, rules...)
	r.plan.Note(draft.Differs, s.from.Origin, "only these parts of the site need a sign-in, as before: `latchkey` without a matcher closes all of it")
}

// matcher returns the paths of a part.
func (p part) matcher() draft.Line {
	if p.pattern != "" {
		return draft.Line{Words: "path_regexp", Given: []string{p.pattern}, Pattern: true, From: p.from.Origin}
	}
	if strings.HasSuffix(p.path, "/") {
		return p.from.Words("path", p.path+"*")
	}
	return p.from.Words("path", p.path, p.path+"/*")
}

// entrance returns the lines that say who may enter the whole site.
func (r *reader) entrance(p part) (lines []draft.Line) {
	first := true
	for _, c := range p.clauses {
		switch {
		case c.everyone || len(c.atoms) == 0:
		case first:
			first = false
			for _, a := range c.atoms {
				lines = append(lines, a.from.Words("allow "+a.kind, a.value))
			}
		default:
			lines = append(lines, r.required(fmt.Sprintf("policy required-%d", len(lines)), c)...)
		}
	}
	for _, a := range p.deny {
		lines = append(lines, a.from.Words("deny "+a.kind, a.value))
	}
	if p.closed != "" {
		l := draft.Words("policy closed-until-completed", draft.Words("block"))
		l.Comment = p.closed
		lines = append(lines, l)
	}
	return lines
}

// policies returns the policies of a part of the site.
func (r *reader) policies(s *server, p part, i int) (lines []draft.Line) {
	name := fmt.Sprintf("part-%d", i+1)
	head := "policy " + name + " @" + name
	for k, c := range p.clauses {
		if c.everyone || len(c.atoms) == 0 {
			continue
		}
		lines = append(lines, r.required(strings.Replace(head, name, fmt.Sprintf("%s-%d", name, k+1), 1), c)...)
	}
	if len(p.deny) > 0 {
		var include []draft.Line
		for _, a := range p.deny {
			include = append(include, a.from.Words("include "+a.kind, a.value))
		}
		lines = append(lines, draft.Words(strings.Replace(head, name, name+"-not", 1), append(include, draft.Words("block"))...))
	}
	if p.closed != "" {
		l := draft.Words(strings.Replace(head, name, name+"-closed", 1), draft.Words("block"))
		l.Comment = p.closed
		lines = append(lines, l)
	}
	if len(lines) > 0 {
		m := draft.Words("@"+name, p.matcher())
		s.site.TLS = append(s.site.TLS, m)
	}
	return lines
}

// required returns the policy that blocks users who have none of the atoms.
func (r *reader) required(head string, c clause) []draft.Line {
	var exclude []draft.Line
	for _, a := range c.atoms {
		if a.kind == "domain" {
			l := draft.Words(head, draft.Words("block"))
			l.Comment = closedComment
			r.plan.Note(draft.Missing, a.from, "a policy knows no domains: this part is closed to all users")
			return []draft.Line{l}
		}
		exclude = append(exclude, a.from.Words("exclude "+a.kind, a.value))
	}
	return []draft.Line{draft.Words(head, append(exclude, draft.Words("block"))...)}
}
