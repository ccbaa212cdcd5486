package command

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/lint"
	"github.com/latchkey-gateway/latchkey/session/signin/dpop"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// expected is what a configuration needs from its providers besides sign-in.
type expected struct {
	groups  bool              // a rule or a header names groups
	fresh   bool              // a policy depends on the time of authentication
	recheck bool              // claims are rechecked
	unasked bool              // "Stay signed in?" is asked, but not after a consent page
	tokens  map[string]tokens // by provider
}

// expectedOf derives the needs from the rules of a configuration.
func expectedOf(c *app.Candidate) (n expected) {
	n.recheck, n.unasked = c.Session.RecheckEvery() > 0, lint.Unasked(&c.Estate().Tenant.Prompt)
	n.tokens = tokensOf(c.Estate().Sites)
	policies := slices.Clone(c.Policies)
	for _, h := range c.Estate().Sites {
		policies = append(policies, h.Policies...)
		n.groups = n.groups || h.HeaderGroups || h.Allow != nil && len(h.Allow.Groups) > 0 || h.Deny != nil && len(h.Deny.Groups) > 0
	}
	for _, p := range policies {
		n.fresh = n.fresh || p.SignInFrequency != nil || p.MaxIdle > 0
		for _, as := range []*config.Assignment{p.Include, p.Exclude} {
			n.groups = n.groups || as != nil && len(as.Groups) > 0
		}
	}
	return n
}

// remark is a result of comparing a provider's metadata with its configuration.
type remark struct{ level, text string }

// compare checks a provider's metadata against its configuration. A list that is missing in the metadata has the
// default of the specification, where that makes a difference.
func compare(p *oidc.Provider, seen *oidc.Examination, n expected) (found []remark) {
	say := func(level, format string, args ...any) {
		found = append(found, remark{level, fmt.Sprintf(format, args...)})
	}
	offers := &seen.Offers
	if level, text := compareAuth(p, offers); text != "" {
		say(level, "%s", text)
	}
	switch {
	case slices.Contains(offers.Challenges, "S256"):
	case len(offers.Challenges) > 0:
		say(findFail, "it offers PKCE with %s and not with S256, which is always used: sign-ins fail", strings.Join(offers.Challenges, ", "))
	case !lint.IsEntra(p.Issuer): // Entra supports it but does not list it
		say(findWarn, "it does not say that it takes PKCE with S256 (code_challenge_methods_supported): sign-ins fail if it refuses that; see to it that it is on for this client")
	}
	switch {
	case p.Push == oidc.PushOff && offers.RequiresPush:
		say(findFail, "par off: it requires pushed authorization requests (require_pushed_authorization_requests), so that no user can sign in")
	case offers.PushEndpoint == "" && (p.Push == oidc.PushRequire || p.Push == "" && offers.RequiresPush):
		say(findFail, "pushed authorization requests are required, and its metadata has no pushed_authorization_request_endpoint: no user can sign in")
	}
	if p.DPoP && !slices.Contains(offers.DPoPAlgorithms, dpop.Algorithm) {
		say(findFail, "dpop on: it does not take proofs with %s (dpop_signing_alg_values_supported): sign-ins fail", dpop.Algorithm)
	}
	if level, text := compareSigned(p, offers); text != "" {
		say(level, "%s", text)
	}
	if p.FAPI {
		found = append(found, compareFAPI(p, offers)...)
	}
	if p.AuthParams["response_mode"] == "form_post" && !slices.Contains(offers.ResponseModes, "form_post") {
		say(findFail, "auth_param response_mode form_post: it offers %s", orDash(strings.Join(offers.ResponseModes, ", ")))
	}
	for _, r := range lint.Prompt(p.AuthParams["prompt"], n.unasked) {
		level := findWarn
		if r.Fatal {
			level = findFail
		}
		say(level, "%s", r.Text)
	}
	if missing := lacking(offers.Scopes, p.Scopes); len(missing) > 0 {
		say(findWarn, "scopes: it does not offer %s (scopes_supported), and may refuse every sign-in for that", strings.Join(missing, ", "))
	}
	if n.recheck && !p.SilentRecheck {
		found = append(found, compareRefresh(p, seen)...)
	}
	found = append(found, compareTokens(p, seen, n.tokens[p.Name])...)
	if n.groups {
		found = append(found, compareGroups(p, seen)...)
	}
	if n.fresh && len(offers.Claims) > 0 && !slices.Contains(offers.Claims, "auth_time") {
		say(findWarn, "policies ask when a user has authenticated, and claims_supported lacks auth_time: if it is in no ID token, no user meets them")
	}
	return found
}

// compareAuth checks the authentication of the client.
func compareAuth(p *oidc.Provider, offers *oidc.Offers) (level, text string) {
	taken := offers.AuthMethods
	if len(taken) == 0 {
		taken = []string{oidc.ClientSecretBasic} // Discovery, section 3
	}
	switch {
	case p.ClientKey != nil:
		if !slices.Contains(taken, config.PrivateKeyJWT) {
			return findFail, fmt.Sprintf("client_auth private_key_jwt: it takes %s (token_endpoint_auth_methods_supported)", strings.Join(taken, ", "))
		}
		key, err := p.ClientKey()
		if err != nil || len(offers.AuthAlgorithms) == 0 {
			return "", ""
		}
		if alg := key.Algorithm(p.Allowed(offers.AuthAlgorithms)); !slices.Contains(offers.AuthAlgorithms, alg) {
			return findFail, fmt.Sprintf("client_auth: the key signs with %s, and it takes %s", alg, strings.Join(offers.AuthAlgorithms, ", "))
		}
	case p.ClientCertificate != nil:
		if !slices.Contains(taken, "tls_client_auth") && !slices.Contains(taken, "self_signed_tls_client_auth") {
			return findFail, fmt.Sprintf("client_auth tls: it takes %s (token_endpoint_auth_methods_supported)", strings.Join(taken, ", "))
		}
		if cert, err := p.ClientCertificate(); err == nil {
			return certificateLife(cert.Leaf, p.Now())
		}
	case p.ClientSecret == nil:
		if len(offers.AuthMethods) > 0 && !slices.Contains(taken, "none") {
			return findWarn, "there is no client_secret, and it does not say that it takes clients without one: right for a public client alone"
		}
	case p.ClientMethod != "" && !slices.Contains(taken, p.ClientMethod):
		return findFail, fmt.Sprintf("client_auth %s: it takes %s (token_endpoint_auth_methods_supported)", p.ClientMethod, strings.Join(taken, ", "))
	case p.ClientMethod == "" && !slices.Contains(taken, oidc.ClientSecretBasic) && !slices.Contains(taken, oidc.ClientSecretPost):
		return findFail, fmt.Sprintf("it takes no client_secret, but %s: see client_auth", strings.Join(taken, ", "))
	}
	return "", ""
}

// compareSigned checks the signature of authorization requests (RFC 9101).
func compareSigned(p *oidc.Provider, offers *oidc.Offers) (level, text string) {
	switch {
	case offers.RequiresSigned && p.Sign == oidc.SignOff:
		return findFail, "signed_requests off: it requires signed authorization requests (require_signed_request_object), so that no user can sign in"
	case offers.RequiresSigned && p.ClientKey == nil:
		return findFail, "it requires signed authorization requests (require_signed_request_object), and there is no key: see client_auth private_key_jwt"
	case p.Sign != oidc.SignRequire && !offers.RequiresSigned:
		return "", ""
	case len(offers.RequestAlgorithms) == 0:
		return findWarn, "signed_requests: it does not say that it takes signed authorization requests (request_object_signing_alg_values_supported)"
	}
	key, err := p.ClientKey()
	if err != nil {
		return "", "" // told with the keys of the client
	}
	if alg := key.Algorithm(p.Allowed(offers.RequestAlgorithms)); !slices.Contains(offers.RequestAlgorithms, alg) {
		return findFail, fmt.Sprintf("signed_requests: the key signs with %s, and it takes %s (request_object_signing_alg_values_supported)", alg, strings.Join(offers.RequestAlgorithms, ", "))
	}
	return "", ""
}

// compareFAPI checks what the FAPI 2.0 security profile demands of the provider, besides what its words demand.
func compareFAPI(p *oidc.Provider, offers *oidc.Offers) (found []remark) {
	if len(offers.IDAlgorithms) > 0 && !slices.ContainsFunc(oidc.FAPIAlgorithms, func(alg string) bool { return slices.Contains(offers.IDAlgorithms, alg) }) {
		found = append(found, remark{findFail, fmt.Sprintf("profile fapi2: it signs ID tokens with %s (id_token_signing_alg_values_supported), and %s are accepted: sign-ins fail",
			strings.Join(offers.IDAlgorithms, ", "), strings.Join(oidc.FAPIAlgorithms, ", "))})
	}
	if !offers.IssInResponse {
		found = append(found, remark{findWarn, "profile fapi2: it does not say that its responses name their issuer (authorization_response_iss_parameter_supported): sign-ins fail if they do not"})
	}
	if p.ClientCertificate != nil && !p.DPoP && !offers.CertificateBound {
		found = append(found, remark{findFail, "profile fapi2: it does not bind tokens to the certificate of the client (tls_client_certificate_bound_access_tokens): see dpop on"})
	}
	return found
}

// certificateNear is how long before its end the certificate of a client is worth a warning.
const certificateNear = 14 * 24 * time.Hour

// certificateLife reports a certificate of the client that no server accepts, or soon none will.
func certificateLife(cert *x509.Certificate, now time.Time) (level, text string) {
	switch {
	case now.Before(cert.NotBefore):
		return findFail, "client_auth tls: the certificate is valid from " + cert.NotBefore.UTC().Format(time.RFC3339) + " on"
	case now.After(cert.NotAfter):
		return findFail, "client_auth tls: the certificate has expired at " + cert.NotAfter.UTC().Format(time.RFC3339)
	case cert.NotAfter.Sub(now) < certificateNear:
		return findWarn, "client_auth tls: the certificate expires at " + cert.NotAfter.UTC().Format(time.RFC3339)
	}
	return "", ""
}

// compareRefresh reports that no refresh token can be expected, so that claims and groups would stay as they were at
// sign-in. Metadata does not prove it: LemonLDAP::NG 2.16 lists neither the grant nor the scope for a client to which
// it issues refresh tokens.
func compareRefresh(p *oidc.Provider, seen *oidc.Examination) []remark {
	const stay = "if no refresh token comes, claims and groups stay as at sign-in; `recheck silent` in the provider block renews them, or scopes with offline_access"
	switch grants := seen.Offers.Grants; {
	case len(grants) > 0 && !slices.Contains(grants, "refresh_token"):
		return []remark{{findWarn, "it lists no refresh tokens (grant_types_supported): " + stay}}
	case seen.Offline:
		return []remark{{findOK, "it does not offer scope offline_access; access_type=offline and prompt=consent are sent for a refresh token"}}
	case slices.Contains(seen.Scopes, "offline_access"):
		return nil
	case len(p.Scopes) > 0:
		return []remark{{findWarn, "scope offline_access is not asked for: " + stay}}
	}
	return []remark{{findWarn, "scope offline_access is left out, as scopes_supported lacks it: " + stay}}
}

// compareGroups reports rules that name groups although no scope requests them. Dex, for example, has a scope for
// groups.
func compareGroups(p *oidc.Provider, seen *oidc.Examination) []remark {
	const scope = "groups"
	claim, _, _ := strings.Cut(p.Claims.GroupsPath(), ".")
	claim, _, _ = strings.Cut(claim, "[")
	switch offers := &seen.Offers; {
	case slices.Contains(seen.Scopes, scope):
		return nil
	case slices.Contains(offers.Scopes, scope) && claim == scope:
		return []remark{{findWarn, fmt.Sprintf("rules name groups, and scope groups is offered and not asked for: scopes %s groups", strings.Join(seen.Scopes, " "))}}
	case len(offers.Claims) > 0 && !slices.Contains(offers.Claims, claim):
		return []remark{{findWarn, fmt.Sprintf("rules name groups, and neither the scopes nor claims_supported have %s: see groups_claim, and what the client may have", claim)}}
	}
	return nil
}

// lacking returns the values that are not in a list; none if there is no list.
func lacking(list, values []string) (missing []string) {
	if len(list) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return slices.Contains(list, v) })
}
