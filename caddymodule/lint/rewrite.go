package lint

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/rewrite"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/policy"
)

// Matchers check the path that the app will see, because the app acts on that path. If a site rewrites the path before
// latchkey, as try_files does for a single-page app, a policy for the path in the address bar never matches. Caddy's
// default order runs rewrite, uri and try_files first, so this happens in common configurations.

// rewriting is what can have happened to the path of a request.
type rewriting struct {
	prefixes []string // prefixes that were removed
	other    bool     // another change of the path
}

func (w rewriting) and(more rewriting) rewriting {
	return rewriting{append(slices.Clip(w.prefixes), more.prefixes...), w.other || more.other}
}

// rewrites is the way of a request through a list of routes: the rewriting in each of those that it has passed.
type rewrites struct {
	read handlers
	done []rewritten
	// found is called for each handler latchkey, with the rewriting that can have happened before.
	found func(json.RawMessage, rewriting)
}

type rewritten struct {
	group string
	rewriting
}

// all returns the rewriting that can have happened before a route of the group. Only one route of a group runs; `handle`
// blocks exclude each other in this way.
func (y *rewrites) all(except string) (sum rewriting) {
	for _, s := range y.done {
		if s.group == "" || s.group != except {
			sum = sum.and(s.rewriting)
		}
	}
	return sum
}

// inside follows routes within a route, and returns the rewriting after them.
func (y *rewrites) inside(routes caddyhttp.RouteList, before rewriting) (after rewriting) {
	within := &rewrites{y.read, []rewritten{{"", before}}, y.found}
	for i := range routes {
		within.route(&routes[i])
	}
	return within.all("")
}

// route follows the next route on the way. Provisioned routes have no raw handlers.
func (y *rewrites) route(r *caddyhttp.Route) {
	if r.Terminal && len(r.HandlersRaw) == 0 {
		return
	}
	at := y.all(r.Group)
	for _, handler := range r.Handlers {
		switch handler := handler.(type) {
		case *rewrite.Rewrite:
			at = at.and(rewritingOf(handler))
		case *caddyhttp.Subroute:
			at = y.inside(handler.Routes, at)
		}
	}
	for _, raw := range r.HandlersRaw {
		at = y.raw(raw, at)
	}
	if !r.Terminal { // after a terminal route nothing runs
		y.done = append(y.done, rewritten{r.Group, at})
	}
}

// raw returns the rewriting after a raw handler.
func (y *rewrites) raw(raw json.RawMessage, at rewriting) rewriting {
	handler := y.read.handler(raw)
	if handler == nil {
		return at // Caddy refuses this
	}
	switch handler.Handler {
	case "latchkey":
		y.found(raw, at)
	case "subroute":
		return y.inside(handler.Routes, at)
	case "rewrite":
		var r rewrite.Rewrite
		if json.Unmarshal(raw, &r) == nil {
			return at.and(rewritingOf(&r))
		}
	}
	return at
}

// rewritingOf returns what a rewrite does to the path. A change of only the method or the query is not a rewriting, nor
// is an unchanged path.
func rewritingOf(r *rewrite.Rewrite) (w rewriting) {
	path, _, _ := strings.Cut(r.URI, "?")
	w.other = path != "" && path != "{http.request.uri.path}" && path != "{http.request.uri}" && path != "{http.request.orig_uri.path}" ||
		r.StripPathSuffix != "" || len(r.URISubstring) > 0 || len(r.PathRegexp) > 0
	switch prefix := r.StripPathPrefix; {
	case strings.Contains(prefix, "{"):
		w.other = true
	case prefix != "":
		w.prefixes = []string{"/" + strings.TrimPrefix(prefix, "/")}
	}
	return w
}

// inExpression matches the ways in which an expression, or a matcher of variables, reads the path.
// {http.request.orig_uri} is excluded: it is the path that the client sent.
var inExpression = regexp.MustCompile(`\b(path|path_regexp|file)\(|\{http\.request\.uri(\.path[^}]*)?\}`)

// pathsIn returns the path patterns of matchers, and whether there are conditions on the path that it cannot read.
func pathsIn(sets []map[string]json.RawMessage) (patterns []string, other bool) {
	for _, set := range sets {
		for name, raw := range set {
			var more []string
			unread := false
			switch name {
			case "path":
				unread = json.Unmarshal(raw, &more) != nil
			case "path_regexp", "file":
				unread = true
			case "expression", "vars", "vars_regexp":
				unread = inExpression.Match(raw)
			case "not":
				var inner []map[string]json.RawMessage
				if unread = json.Unmarshal(raw, &inner) != nil; !unread {
					more, unread = pathsIn(inner)
				}
			}
			patterns, other = append(patterns, more...), other || unread
		}
	}
	return patterns, other
}

// misses returns why matchers after a rewriting do not match, or an empty string. here reports whether the matcher was
// written for this place: a pattern for the path without the removed prefix is then correct.
func (w rewriting) misses(sets caddyhttp.RawMatcherSets, here bool) string {
	plain := make([]map[string]json.RawMessage, len(sets))
	for i := range sets {
		plain[i] = sets[i]
	}
	patterns, other := pathsIn(plain)
	if len(patterns) == 0 && !other {
		return ""
	}
	how := ""
	for _, prefix := range w.prefixes {
		if other || !here || slices.ContainsFunc(patterns, func(p string) bool { return strings.HasPrefix(strings.ToLower(p), strings.ToLower(prefix)) }) {
			how = fmt.Sprintf("without %s (handle_path, uri strip_prefix)", prefix)
		}
	}
	if w.other {
		how = "rewritten (rewrite, uri, try_files)"
	}
	if how == "" {
		return ""
	}
	return fmt.Sprintf("it matches on the path, which comes to latchkey %s, as the app will see it and not as the client sent it; "+
		"for that, match {http.request.orig_uri.path} with vars_regexp or expression", how)
}

// missed returns the policies, and the matchers of the directive, that do not match the path for which they were written.
// raw is a handler latchkey, before is the rewriting before it, policies are those for all sites.
func missed(raw json.RawMessage, before rewriting, policies []*config.Policy) (found []policy.Finding) {
	site := new(config.Site)
	if !before.other && len(before.prefixes) == 0 || json.Unmarshal(raw, site) != nil {
		return nil
	}
	add := func(p *config.Policy, sets caddyhttp.RawMatcherSets, here bool) {
		if problem := before.misses(sets, here); problem != "" && p.Mode != policy.Off {
			found = append(found, policy.Finding{Position: p.Position, Site: site.App, Policy: p.Name, Problem: problem})
		}
	}
	for _, p := range policies {
		add(p, p.Matched(), false)
	}
	for _, p := range site.Policies {
		add(p, p.MatchRaw, true)
	}
	if problem := before.misses(site.MatchRaw, true); problem != "" {
		found = append(found, policy.Finding{Position: site.Position, Site: site.App, Problem: problem})
	}
	return found
}
