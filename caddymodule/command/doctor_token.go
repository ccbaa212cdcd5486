package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/site"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// tokens is for which apps a provider issues access tokens, and for which it exchanges them.
type tokens struct{ forwarded, exchanged []string }

// tokensOf returns that for each provider.
func tokensOf(sites []*site.Site) map[string]tokens {
	out := map[string]tokens{}
	for _, h := range sites {
		if h.ForwardAccessToken == nil {
			continue
		}
		for _, name := range h.SignIn.Providers {
			of := out[name]
			of.forwarded = append(of.forwarded, h.App)
			if h.ForwardAccessToken.Exchange() != nil {
				of.exchanged = append(of.exchanged, h.App)
			}
			out[name] = of
		}
	}
	return out
}

// compareTokens checks whether applications can have what the provider issues.
func compareTokens(p *oidc.Provider, seen *oidc.Examination, of tokens) (found []remark) {
	apps := func(list []string) string { return strings.Join(list, ", ") }
	if len(of.exchanged) > 0 && !oidc.OffersExchange(seen.Offers.Grants) {
		found = append(found, remark{findFail, fmt.Sprintf(
			"forward_access_token: it does not offer token exchange (grant_types_supported), so that requests to %s get 503", apps(of.exchanged))})
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
