package caddymodule

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// linted is what `validate` would warn of, site by site, and what the start of a server would.
func (c *candidate) linted(config []byte) (found []finding) {
	var parts struct {
		Apps struct {
			HTTP struct {
				Servers map[string]json.RawMessage `json:"servers"`
			} `json:"http"`
		} `json:"apps"`
	}
	if json.Unmarshal(config, &parts) != nil {
		return nil // which Caddy refuses
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
			for _, h := range c.rt.sites {
				if h.App == site.App {
					h.lint(server, server.Routes)
				}
			}
		}
	}
	c.warnOfApps()
	for _, f := range c.rt.said.list {
		subject, text := f.Policy, f.Problem
		if subject == "" {
			subject = f.Site
		}
		if f.Position != "" {
			text += " (" + f.Position + ")"
		}
		found = append(found, finding{findWarn, "rules", subject, text})
	}
	return found
}
