package lint

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// endpoint is an endpoint that every sign-in needs.
const endpoint = browser.Base + "/callback"

// keepsOut returns the matcher of a route that excludes the sign-in endpoints, or an empty string. It only checks
// matchers of paths; a matcher that it cannot read counts as not excluding.
func keepsOut(r *caddyhttp.Route) (keeper string) {
	if len(r.MatcherSetsRaw) == 0 && len(r.MatcherSets) == 0 {
		return ""
	}
	for _, set := range r.MatcherSetsRaw {
		if keeper = rawSetKeepsOut(set); keeper == "" {
			return ""
		}
	}
	for _, set := range r.MatcherSets {
		if keeper = loadedSetKeepsOut(set); keeper == "" {
			return ""
		}
	}
	return keeper
}

// isAutomatic reports whether Caddy itself created the route, to redirect http to https.
func isAutomatic(r *caddyhttp.Route) bool {
	return slices.ContainsFunc(r.MatcherSets, func(set caddyhttp.MatcherSet) bool {
		return slices.ContainsFunc(set, func(m any) bool { return m == any(caddyhttp.MatchProtocol("http")) })
	})
}

// isFrontPage reports whether a route is only for the path /.
func isFrontPage(r *caddyhttp.Route) bool {
	for _, set := range r.MatcherSetsRaw {
		var patterns []string
		if json.Unmarshal(set["path"], &patterns) != nil || !slices.Equal(patterns, []string{"/"}) {
			return false
		}
	}
	for _, set := range r.MatcherSets {
		if !slices.ContainsFunc(set, func(m any) bool {
			patterns, ok := m.(*caddyhttp.MatchPath)
			return ok && slices.Equal(*patterns, caddyhttp.MatchPath{"/"})
		}) {
			return false
		}
	}
	return len(r.MatcherSetsRaw)+len(r.MatcherSets) > 0
}

func rawSetKeepsOut(set map[string]json.RawMessage) string {
	var patterns []string
	if json.Unmarshal(set["path"], &patterns) == nil && len(patterns) > 0 && !matches(patterns) {
		return strings.Join(patterns, " ")
	}
	var expression caddyhttp.MatchPathRE
	if raw := set["path_regexp"]; raw != nil && json.Unmarshal(raw, &expression) == nil {
		if re, err := regexp.Compile(expression.Pattern); err == nil && !re.MatchString(endpoint) {
			return expression.Pattern
		}
	}
	var not []map[string]json.RawMessage
	if raw := set["not"]; raw != nil && json.Unmarshal(raw, &not) == nil {
		for _, inner := range not {
			if json.Unmarshal(inner["path"], &patterns) == nil && len(inner) == 1 && matches(patterns) {
				return "not " + strings.Join(patterns, " ")
			}
		}
	}
	return ""
}

func loadedSetKeepsOut(set caddyhttp.MatcherSet) string {
	for _, m := range set {
		patterns, ok := m.(caddyhttp.MatchPath)
		if pointer, is := m.(*caddyhttp.MatchPath); is {
			patterns, ok = *pointer, true
		}
		if ok && !matches(patterns) {
			return strings.Join(patterns, " ")
		}
	}
	return ""
}

// matches reports whether the patterns of Caddy's matcher path match an endpoint, or can match it.
func matches(patterns []string) bool {
	if slices.ContainsFunc(patterns, func(p string) bool { return strings.Contains(p, "{") }) {
		return true
	}
	m := caddyhttp.MatchPath(slices.Clone(patterns))
	if m.Provision(caddy.Context{}) != nil {
		return true
	}
	ctx := context.WithValue(context.Background(), caddy.ReplacerCtxKey, caddy.NewReplacer())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
	if err != nil {
		return true
	}
	match, err := m.MatchWithError(r)
	return match || err != nil
}
