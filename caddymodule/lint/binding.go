package lint

import (
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
)

// Binds returns which sessions a configuration binds to devices, in the form of package policy.
func Binds(b *config.Binding) policy.Binding {
	switch {
	case !b.On():
		return policy.BindsNone
	case b.All():
		return policy.BindsAll
	}
	return policy.BindsPersistent
}

// Binding finds settings of device-bound sessions without an effect. unasked: "Stay signed in?" is asked nowhere.
// policies are those for all sites.
func Binding(s *config.Session, unasked bool, policies []*config.Policy) (found []string) {
	always := slices.ContainsFunc(policies, func(p *config.Policy) bool {
		return p.Mode != policy.Off && p.PersistentBrowser == policy.Always
	})
	switch {
	case !s.Binding.On():
		if l := s.Limits(); l.Of(session.Persistent, false) != l.Persistent {
			found = append(found, "unbound: all persistent sessions have these limits, because no session is bound to a device: write binding prefer into the session block")
		}
	case !s.Binding.All() && unasked && !always:
		found = append(found, "binding has no effect: it binds only sessions of users who stay signed in, and stay_signed_in is off: write kinds all into the binding block")
	}
	return found
}

// PlainSite returns what is wrong with a site that is served without TLS while sessions are to be bound, or an empty
// string. A proxy in front may have TLS.
func PlainSite(b *config.Binding, server *caddyhttp.Server) string {
	if !b.On() || server == nil || !plain(server) || trustsProxies(server) {
		return ""
	}
	return "no session is bound to a device here: the site is served on plain http, and browsers bind sessions on https only"
}

// plain reports whether a server has no TLS: it says so, or it listens on Caddy's port for http alone.
func plain(server *caddyhttp.Server) bool {
	if len(server.TLSConnPolicies) > 0 {
		return false
	}
	if server.AutoHTTPS != nil && server.AutoHTTPS.Disabled {
		return true
	}
	return len(server.Listen) > 0 && !slices.ContainsFunc(server.Listen, func(listen string) bool {
		address, err := caddy.ParseNetworkAddress(listen)
		return err != nil || address.StartPort != caddyhttp.DefaultHTTPPort || address.EndPort != address.StartPort
	})
}
