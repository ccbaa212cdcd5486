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

// Matchers see the path that the app will see, because that is the one it acts on. Where a site rewrites it before latchkey, as
// try_files does for a single-page app, a policy for the path in the address bar is one for nothing. Caddy's own order of
// directives puts rewrite, uri and try_files first, so nobody has to do anything unusual for that.

// rewriting is what may have happened to the path of a request.
type rewriting struct {
	prefixes []string // were cut off
	other    bool     // or something else was done to it
}

func (w rewriting) and(more rewriting) rewriting {
	return rewriting{append(slices.Clip(w.prefixes), more.prefixes...), w.other || more.other}
}

// rewritesBefore walks routes in the order in which a request does, and shows to found each handler latchkey in them with
// what may have happened before it. Routes that are provisioned have no raw handlers any more. A route that is named and
// invoked elsewhere is not followed.
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
		at := all(r.Group) // of a group one route runs, which is how `handle` keeps its blocks apart
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
		if !r.Terminal { // after one that is, nothing runs
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
		return at // which Caddy is about to refuse
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

// rewritingOf is what a rewrite does to the path. A method, a query, or the path as it is are no rewriting of it.
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

// inExpression is how an expression, or a matcher of variables, gets at the path. {http.request.orig_uri} is not among it: that
// is the path as the client sent it.
var inExpression = regexp.MustCompile(`\b(path|path_regexp|file)\(|\{http\.request\.uri(\.path[^}]*)?\}`)

// pathsIn finds what matchers say of the path: patterns that can be read, and whether there is something that cannot.
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

// misses says what is the matter with matchers behind a rewriting, or nothing. A pattern for what is left when a prefix was cut
// off is as good there as anywhere in Caddy; here is whether it was made for the place.
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

// Rewrites finds policies, and of a matcher of the directive, that miss the path that they were written for.
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
