package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/site"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// tokens is for which apps a provider issues access tokens, for which it exchanges them, and which apps of its users take
// tokens of Latchkey.
type tokens struct{ forwarded, exchanged, own []string }

// tokensOf returns that for each provider.
func tokensOf(sites []*site.Site) map[string]tokens {
	out := map[string]tokens{}
	for _, h := range sites {
		for _, name := range h.SignIn.Providers {
			of := out[name]
			if h.ForwardAccessToken != nil {
				of.forwarded = append(of.forwarded, h.App)
				if h.ForwardAccessToken.Exchange() != nil {
					of.exchanged = append(of.exchanged, h.App)
				}
			}
			if h.Tokens {
				of.own = append(of.own, h.App)
			}
			out[name] = of
		}
	}
	return out
}

// noRefreshToken returns why a provider issues no refresh token, as far as its metadata shows; empty if it may.
func noRefreshToken(seen *oidc.Examination) string {
	switch grants := seen.Offers.Grants; {
	case len(grants) > 0 && !slices.Contains(grants, "refresh_token"):
		return "it lists no refresh tokens (grant_types_supported)"
	case !seen.Offline && !slices.Contains(seen.Scopes, "offline_access"):
		return "scope offline_access is not asked for"
	}
	return ""
}

// compareTokens checks whether applications can have what the provider issues, and programs with tokens of Latchkey go on
// while their users are away.
func compareTokens(p *oidc.Provider, seen *oidc.Examination, of tokens) (found []remark) {
	apps := func(list []string) string { return strings.Join(list, ", ") }
	if len(of.exchanged) > 0 && !oidc.OffersExchange(seen.Offers.Grants) {
		found = append(found, remark{findFail, fmt.Sprintf(
			"forward_access_token: it does not offer token exchange (grant_types_supported), so that requests to %s get 503", apps(of.exchanged))})
	}
	if without := noRefreshToken(seen); without != "" && len(of.own) > 0 {
		found = append(found, remark{findWarn, fmt.Sprintf(
			"tokens on: %s; if no refresh token comes, tokens of users for %s are refused a day after their user was last there (token_stale)", without, apps(of.own))})
	}
	if len(of.forwarded) == 0 {
		return found
	}
	if p.ClientCertificate != nil && seen.Offers.CertificateBound {
		found = append(found, remark{findWarn, fmt.Sprintf("forward_access_token: it binds access tokens to the certificate of the client "+
			"(tls_client_certificate_bound_access_tokens) unless it is told otherwise for this client; %s cannot use such tokens", apps(of.forwarded))})
	}
	if !slices.Contains(seen.Scopes, "offline_access") && !seen.Offline {
		found = append(found, remark{findWarn, fmt.Sprintf(
			"forward_access_token: scope offline_access is not asked for; if no refresh token comes, users of %s go to the provider whenever their token has ended", apps(of.forwarded))})
	}
	return found
}
