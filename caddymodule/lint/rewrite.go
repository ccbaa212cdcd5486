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

// rewritesBefore walks routes in the order in which a request passes them. It calls found for each handler latchkey,
// with the rewriting that can have happened before. Provisioned routes have no raw handlers. Named routes that are
// invoked elsewhere are not followed.
func rewritesBefore(routes caddyhttp.RouteList, before rewriting, found func(json.RawMessage, rewriting)) (after rewriting) {
	type step struct {
		group string
		rewriting
	}
	done := []step{{"", before}}
	all := func(except string) (sum rewriting) {
		for _, s := range done {
			if s.group == "" || s.group != except {
				sum = sum.and(s.rewriting)
			}
		}
		return sum
	}
	for i := range routes {
		r := &routes[i]
		at := all(r.Group) // only one route of a group runs; `handle` blocks exclude each other in this way
		for _, handler := range r.Handlers {
			switch handler := handler.(type) {
			case *rewrite.Rewrite:
				at = at.and(rewritingOf(handler))
			case *caddyhttp.Subroute:
				at = rewritesBefore(handler.Routes, at, found)
			}
		}
		for _, raw := range r.HandlersRaw {
			at = rewritesBeforeRaw(raw, at, found)
		}
		if !r.Terminal { // after a terminal route nothing runs
			done = append(done, step{r.Group, at})
		}
	}
	return all("")
}

func rewritesBeforeRaw(raw json.RawMessage, at rewriting, found func(json.RawMessage, rewriting)) rewriting {
	var handler struct {
		Handler string              `json:"handler"`
		Routes  caddyhttp.RouteList `json:"routes"`
	}
	if json.Unmarshal(raw, &handler) != nil {
		return at // Caddy refuses this
	}
	switch handler.Handler {
	case "latchkey":
		found(raw, at)
	case "subroute":
		return rewritesBefore(handler.Routes, at, found)
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

// Rewrites finds policies, and matchers of the directive, that do not match the path for which they were written.
func Rewrites(routes caddyhttp.RouteList, policies []*config.Policy) (found []policy.Finding) {
	rewritesBefore(routes, rewriting{}, func(raw json.RawMessage, w rewriting) {
		site := new(config.Site)
		if json.Unmarshal(raw, site) != nil {
			return
		}
		add := func(p *config.Policy, sets caddyhttp.RawMatcherSets, here bool) {
			if problem := w.misses(sets, here); problem != "" && p.Mode != policy.Off {
				found = append(found, policy.Finding{Position: p.Position, Site: site.App, Policy: p.Name, Problem: problem})
			}
		}
		for _, p := range policies {
			add(p, p.Matched(), false)
		}
		for _, p := range site.Policies {
			add(p, p.MatchRaw, true)
		}
		if problem := w.misses(site.MatchRaw, true); problem != "" {
			found = append(found, policy.Finding{Position: site.Position, Site: site.App, Problem: problem})
		}
	})
	return found
}
