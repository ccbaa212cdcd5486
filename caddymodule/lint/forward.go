package lint

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// PlainUpstreams returns the addresses of other machines to which the routes of an app send its requests without TLS. An
// attacker who can read the network there can read what stands in their headers. Addresses of this machine, names without a dot, such as
// those of containers, and placeholders are left out.
func PlainUpstreams(app string, routes caddyhttp.RouteList) (plain []string) {
	for i := range routes {
		for _, raw := range routes[i].HandlersRaw {
			if handles(raw, app, 0) {
				plain = plainUpstreams(plain, raw, 0)
			}
		}
	}
	slices.Sort(plain)
	return slices.Compact(plain)
}

// maxDepth limits how deeply routes are searched.
const maxDepth = 200

// parts returns what a JSON value consists of.
func parts(raw json.RawMessage) (list []json.RawMessage) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		return list
	}
	if json.Unmarshal(raw, &fields) == nil {
		for _, one := range fields {
			list = append(list, one)
		}
	}
	return list
}

// handles reports whether the directive of an app stands in a route.
func handles(raw json.RawMessage, app string, depth int) bool {
	var h struct {
		Handler string `json:"handler"`
		App     string `json:"app"`
	}
	if json.Unmarshal(raw, &h) == nil && h.Handler == "latchkey" {
		return h.App == app
	}
	return depth < maxDepth && slices.ContainsFunc(parts(raw), func(one json.RawMessage) bool { return handles(one, app, depth+1) })
}

func plainUpstreams(plain []string, raw json.RawMessage, depth int) []string {
	var proxy struct {
		Handler   string `json:"handler"`
		Upstreams []struct {
			Dial string `json:"dial"`
		} `json:"upstreams"`
		Transport struct {
			TLS json.RawMessage `json:"tls"`
		} `json:"transport"`
	}
	if json.Unmarshal(raw, &proxy) == nil && proxy.Handler == "reverse_proxy" {
		for _, up := range proxy.Upstreams {
			if len(proxy.Transport.TLS) == 0 && elsewhere(up.Dial) {
				plain = append(plain, up.Dial)
			}
		}
		return plain
	}
	if depth < maxDepth {
		for _, one := range parts(raw) {
			plain = plainUpstreams(plain, one, depth+1)
		}
	}
	return plain
}

// elsewhere reports whether an address is on another machine, as far as it shows.
func elsewhere(dial string) bool {
	addr, err := caddy.ParseNetworkAddress(dial)
	if err != nil || addr.IsUnixNetwork() || strings.Contains(dial, "{") {
		return false
	}
	host := strings.Trim(addr.Host, "[]")
	if ip, err := netip.ParseAddr(host); err == nil {
		return !ip.Unmap().IsLoopback()
	}
	return strings.Contains(host, ".") && !strings.HasSuffix(host, ".localhost")
}
