package command

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/reach"
)

// siteAddress is the address of a site with the directive, as far as the configuration shows it.
type siteAddress struct {
	app       string
	host      string // empty: any
	port      string // empty: the default of the scheme
	plain     bool   // no TLS
	trusts    bool   // its server trusts proxies
	providers []string
}

func (s siteAddress) origin() string {
	scheme := "https://"
	if s.plain {
		scheme = "http://"
	}
	if s.port == "" {
		return scheme + s.host
	}
	return scheme + net.JoinHostPort(s.host, s.port)
}

// serverParts are the parts of a Caddy HTTP server's configuration that determine the addresses of its sites.
type serverParts struct {
	Listen    []string          `json:"listen"`
	Routes    json.RawMessage   `json:"routes"`
	TLS       []json.RawMessage `json:"tls_connection_policies"`
	Automatic *struct {
		Disable bool     `json:"disable"`
		Skip    []string `json:"skip"`
	} `json:"automatic_https"`
	Trusted json.RawMessage `json:"trusted_proxies"`
}

// plain reports whether a host is served without TLS.
func (p serverParts) plain(host, port string) bool {
	if len(p.TLS) > 0 {
		return false
	}
	return port == "80" || p.Automatic != nil && (p.Automatic.Disable || slices.Contains(p.Automatic.Skip, host))
}

// sitesOf finds the sites of a configuration that have the directive.
func sitesOf(config []byte) (sites []siteAddress) {
	var parts struct {
		Apps struct {
			HTTP struct {
				Servers map[string]serverParts `json:"servers"`
			} `json:"http"`
		} `json:"apps"`
	}
	if json.Unmarshal(config, &parts) != nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(parts.Apps.HTTP.Servers)) {
		server := parts.Apps.HTTP.Servers[name]
		port := ""
		if len(server.Listen) > 0 {
			_, port, _ = net.SplitHostPort(server.Listen[0])
		}
		for _, found := range sitesIn(nil, server.Routes, []string{""}, 0) {
			found.plain = server.plain(found.host, port)
			if own := map[bool]string{true: "80", false: "443"}[found.plain]; port != own {
				found.port = port
			}
			found.trusts = len(server.Trusted) > 0
			if !slices.ContainsFunc(sites, func(s siteAddress) bool { return s.origin() == found.origin() && s.app == found.app }) {
				sites = append(sites, found)
			}
		}
	}
	return sites
}

// sitesIn looks for the directive in routes, and for the hosts that these routes match.
func sitesIn(found []siteAddress, raw json.RawMessage, hosts []string, depth int) []siteAddress {
	if depth > app.MaxNesting {
		return found
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		for _, item := range list {
			found = sitesIn(found, item, hosts, depth+1)
		}
		return found
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return found
	}
	var site struct {
		Handler   string   `json:"handler"`
		App       string   `json:"app"`
		Providers []string `json:"providers"`
	}
	if json.Unmarshal(raw, &site) == nil && site.Handler == "latchkey" {
		for _, host := range hosts {
			found = append(found, siteAddress{app: site.App, host: host, providers: site.Providers})
		}
		return found
	}
	var match []struct {
		Host []string `json:"host"`
	}
	if json.Unmarshal(fields["match"], &match) == nil {
		var matched []string
		for _, m := range match {
			matched = append(matched, m.Host...)
		}
		if len(matched) > 0 {
			hosts = matched
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name != "match" {
			found = sitesIn(found, fields[name], hosts, depth+1)
		}
	}
	return found
}

// toRegister lists what to register at each provider.
func toRegister(c *app.Candidate, sites []siteAddress) (found []finding) {
	for i, p := range c.Estate().Tenant.Providers {
		var origins []string
		for _, s := range sites {
			uses := slices.Contains(s.providers, p.Name) || len(s.providers) == 0 && i == 0
			if uses && s.host != "" && !strings.Contains(s.host, "*") && !slices.Contains(origins, s.origin()) {
				origins = append(origins, s.origin())
			}
		}
		if c.SignInHost != nil {
			origins = []string{c.SignInHost.Origin}
		}
		for _, origin := range origins {
			for _, line := range []struct{ what, path string }{
				{"redirect URI", signin.CallbackPath(p.Name, i == 0)},
				{"post-logout redirect URI", browser.Base + "/signed-out"},
				{"back-channel logout URI", browser.Base + "/logout/backchannel"},
			} {
				found = append(found, finding{findOK, "register", p.Name, line.what + ": " + origin + line.path})
			}
		}
	}
	if c.SignInHost == nil {
		for _, s := range sites {
			if s.host == "" || strings.Contains(s.host, "*") {
				found = append(found, finding{findWarn, "register", "", fmt.Sprintf(
					"app %s is served under names that are not listed: register its redirect URIs for each name", s.app)})
			}
		}
	}
	return found
}

// siteFindings checks the effects of a site's address on cookies and on rules about networks.
func siteFindings(c *app.Candidate, sites []siteAddress) (found []finding) {
	if len(sites) == 0 {
		return []finding{{findWarn, "site", "", "no site has the directive latchkey: nothing is protected"}}
	}
	for _, s := range sites {
		name := s.app
		switch {
		case !s.plain:
			found = append(found, finding{findOK, "site", name, s.origin() + " has TLS"})
		case reach.IsLoopback(s.host):
			found = append(found, finding{findOK, "site", name, s.origin() + " is on this machine and needs no TLS"})
		default:
			found = append(found, finding{findFail, "site", name, s.origin() + " has no TLS: browsers keep none of its cookies, so no user can sign in; serve it with https"})
		}
		if len(c.Networks) > 0 && !s.trusts {
			found = append(found, finding{findWarn, "site", name, "networks are named, and its server trusts no proxies: right if browsers reach it directly; behind a proxy, its rules see that proxy (trusted_proxies, trusted_proxies_strict)"})
		}
	}
	return found
}

var envPlaceholder = regexp.MustCompile(`\{env\.([^{}\s"]+)\}`)

// emptyEnvironment finds {env.} placeholders that are empty in this process. The server usually, but not always, has
// the same environment.
func emptyEnvironment(config []byte) (found []finding) {
	seen := map[string]bool{}
	for _, m := range envPlaceholder.FindAllSubmatch(config, -1) {
		name := string(m[1])
		if seen[name] || os.Getenv(name) != "" {
			continue
		}
		seen[name] = true
		found = append(found, finding{findFail, "configuration", "", fmt.Sprintf("{env.%s} is empty: set %s for the doctor and for the server", name, name)})
	}
	return found
}
