package lint

import (
	"encoding/json"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// Sources returns what the named providers, or all providers, can state about users.
func Sources(providers []*oidc.Provider, names []string) (list []policy.Provider) {
	for _, p := range providers {
		if names != nil && !slices.Contains(names, p.Name) {
			continue
		}
		c := &p.Claims
		list = append(list, policy.Provider{
			Name: p.Name, NoMFA: noMFA(p), Guests: c.GuestClaim != "",
			Compliant: c.Compliant != "", Managed: c.Managed != "", Shared: c.SharedDevice != "",
			SignInRisk: c.SignInRisk != "", UserRisk: c.UserRisk != "",
		})
	}
	return list
}

// noMFA returns why no user can show a second factor at a provider, or an empty string. OpenID providers send amr if it
// is requested; Entra's v2.0 tokens do not contain it (A1).
func noMFA(p *oidc.Provider) string {
	if len(p.Claims.MFAContexts) > 0 || !IsEntra(p.Issuer) {
		return ""
	}
	return "the v2.0 tokens of Microsoft Entra ID carry no amr, which would tell; require an authentication context, as in acr:c1"
}

// IsEntra reports whether an issuer is Microsoft Entra ID with tokens of version 2.0.
func IsEntra(issuer string) bool {
	u, err := url.Parse(issuer)
	if err != nil || !strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), "/v2.0") {
		return false
	}
	switch host := strings.ToLower(u.Hostname()); {
	case host == "login.microsoftonline.com", host == "login.microsoftonline.us", host == "login.partner.microsoftonline.cn",
		strings.HasSuffix(host, ".ciamlogin.com"):
		return true
	}
	return false
}

// Forgeable reports whether a client can choose its own client address: the server trusts proxies and uses the first
// address in X-Forwarded-For, which the client sets, instead of the last untrusted one. See trustsProxies.
func Forgeable(server *caddyhttp.Server) bool {
	return server != nil && server.TrustedProxiesStrict == 0 && trustsProxies(server)
}

// trustsProxies reports whether a server trusts proxies. Caddy does not export that, so it is read by reflection. If a later
// version of Caddy renames the field, trustsProxies returns false.
func trustsProxies(server *caddyhttp.Server) bool {
	if len(server.TrustedProxiesRaw) > 0 { // the server is not provisioned
		return true
	}
	trusted := reflect.ValueOf(server).Elem().FieldByName("trustedProxies")
	return server.TrustedProxiesUnix || trusted.Kind() == reflect.Interface && !trusted.IsNil()
}

// ByAddress finds policies that depend on the client's address.
func ByAddress(site string, policies []*config.Policy, networks []*config.Network) (found []policy.Finding) {
	shared := slices.ContainsFunc(networks, func(n *config.Network) bool { return n.Shared })
	for _, p := range policies {
		if p.Mode != policy.Off && (namesNetworks(p) || shared && asksForShared(p) || matchesAddresses(p)) {
			found = append(found, policy.Finding{
				Position: p.Position, Site: site, Policy: p.Name,
				Problem: "it depends on the address of the client, which the client can choose: the server trusts proxies without trusted_proxies_strict",
			})
		}
	}
	return found
}

func namesNetworks(p *config.Policy) bool {
	return p.Include != nil && len(p.Include.Networks) > 0 || p.Exclude != nil && len(p.Exclude.Networks) > 0
}

func asksForShared(p *config.Policy) bool {
	return p.When != nil && slices.ContainsFunc(p.When.Devices, func(d config.DeviceWhen) bool { return d.Attribute == policy.Shared })
}

// matchesAddresses looks for Caddy's own matchers of client addresses, in the configuration from before the matchers
// were loaded.
func matchesAddresses(p *config.Policy) bool {
	return slices.ContainsFunc(p.Matched(), func(set caddy.ModuleMap) bool { return hasClientIP(set) })
}

func hasClientIP(set map[string]json.RawMessage) bool {
	if _, ok := set["client_ip"]; ok {
		return true
	}
	var not []map[string]json.RawMessage
	return set["not"] != nil && json.Unmarshal(set["not"], &not) == nil && slices.ContainsFunc(not, hasClientIP)
}
