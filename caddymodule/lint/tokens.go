package lint

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/signin/reach"
)

// Tokens finds what keeps programs with accepted tokens out of a site, besides policies. recheck is how old claims become before
// they are renewed. server may be nil.
func Tokens(app string, accepted Accepted, recheck time.Duration, server *caddyhttp.Server, routes caddyhttp.RouteList) (found []string) {
	if hosts := plainHosts(app, server, routes); len(hosts) > 0 {
		found = append(found, accepted.words()+": every token is refused at "+strings.Join(hosts, ", ")+", which is served on plain http: anyone on the way could use it")
	}
	if !accepted.Own {
		return found
	}
	switch {
	case recheck == 0:
		found = append(found, "tokens on: session recheck is 0, so that a token of a user is refused from a day after the user's last sign-in on (token_stale)")
	case recheck >= apitoken.StaleAfter:
		found = append(found, "tokens on: session recheck is "+recheck.String()+", and a token of a user whose claims are a day old is refused (token_stale): make it shorter than a day")
	}
	if asksForPassword(app, routes) {
		found = append(found, "tokens on: basic_auth wants a password of its own in the header that has the token: no program gets in")
	}
	return found
}

// plainHosts returns the names of a site that are served on plain http; "any name" if it has none. A name of this machine needs
// no TLS, and a proxy in front may have it.
func plainHosts(app string, server *caddyhttp.Server, routes caddyhttp.RouteList) (hosts []string) {
	if server == nil || trustsProxies(server) || len(server.TLSConnPolicies) > 0 {
		return nil
	}
	for i := range routes {
		r := &routes[i]
		if !slices.ContainsFunc(r.HandlersRaw, func(raw json.RawMessage) bool { return handles(raw, app, 0) }) {
			continue
		}
		names := hostsOf(r)
		if len(names) == 0 && plain(server) {
			hosts = append(hosts, "any name")
		}
		for _, name := range names {
			if !reach.IsLoopback(name) && (plain(server) || server.AutoHTTPS != nil && slices.Contains(server.AutoHTTPS.Skip, name)) {
				hosts = append(hosts, name)
			}
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// hostsOf returns the names for which a route is.
func hostsOf(r *caddyhttp.Route) (hosts []string) {
	for _, set := range r.MatcherSetsRaw {
		var names []string
		if json.Unmarshal(set["host"], &names) == nil {
			hosts = append(hosts, names...)
		}
	}
	for _, set := range r.MatcherSets {
		for _, m := range set {
			if names, ok := m.(*caddyhttp.MatchHost); ok {
				hosts = append(hosts, *names...)
			}
			if names, ok := m.(caddyhttp.MatchHost); ok {
				hosts = append(hosts, names...)
			}
		}
	}
	return hosts
}

// asksForPassword reports whether Caddy's own basic_auth stands in a route of an app, for all its requests.
func asksForPassword(app string, routes caddyhttp.RouteList) bool {
	for i := range routes {
		for _, raw := range routes[i].HandlersRaw {
			if handles(raw, app, 0) && passwordAsked(raw, 0) {
				return true
			}
		}
	}
	return false
}

// passwordAsked looks for the handler of basic_auth in routes without a matcher.
func passwordAsked(raw json.RawMessage, depth int) bool {
	var h struct {
		Handler   string            `json:"handler"`
		Providers caddy.ModuleMap   `json:"providers"`
		Match     []json.RawMessage `json:"match"`
		Handle    []json.RawMessage `json:"handle"`
		Routes    []json.RawMessage `json:"routes"`
	}
	switch {
	case depth > maxDepth || json.Unmarshal(raw, &h) != nil || len(h.Match) > 0:
		return false
	case h.Handler == "authentication":
		return h.Providers["http_basic"] != nil
	}
	return slices.ContainsFunc(append(h.Handle, h.Routes...), func(one json.RawMessage) bool { return passwordAsked(one, depth+1) })
}
