package app

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/policy"
)

// Lint returns the warnings that `validate` shows for each site, and those that appear when a server starts.
func (c *Candidate) Lint(config []byte) []policy.Finding {
	var parts struct {
		Apps struct {
			HTTP struct {
				Servers map[string]json.RawMessage `json:"servers"`
			} `json:"http"`
		} `json:"apps"`
	}
	if json.Unmarshal(config, &parts) != nil {
		return nil // Caddy refuses it
	}
	servers := parts.Apps.HTTP.Servers
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		server := new(caddyhttp.Server)
		if json.Unmarshal(servers[name], server) != nil {
			continue
		}
		for _, raw := range findHandlers(nil, servers[name], 0) {
			var site struct {
				App string `json:"app"`
			}
			if json.Unmarshal(raw, &site) != nil {
				continue
			}
			for _, h := range c.sites {
				if h.App == site.App {
					c.lintSite(h, server, server.Routes)
				}
			}
		}
	}
	c.warnOfApps()
	return c.said.list
}
