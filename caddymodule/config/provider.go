package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/session/signin/claim"
	"github.com/latchkey-gateway/latchkey/session/signin/leave"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/reach"
)

// DefaultProvider is the name of a provider that is configured without a name.
const DefaultProvider = "default"

// Provider is an OpenID provider. Latchkey fetches its metadata in the background: it starts even if the provider is
// down, and users can sign in as soon as the provider is up.
type Provider struct {
	// The name that sites, policies and logs use. Default: `default`.
	Name string `json:"name,omitempty"`

	// The name that users see when they choose a provider. Default: the name.
	DisplayName string `json:"display_name,omitempty"`

	// The icon that users see beside the name: a square PNG, JPEG or SVG file of at most 32 KB. An SVG must not contain
	// scripts or external references. Default: the first letter of the name.
	Icon string `json:"icon,omitempty"`

	// The issuer, exactly as in the provider's metadata. It must be https; for a loopback host http is accepted.
	Issuer string `json:"issuer"`

	// Latchkey's client ID at the provider. Register the redirect URI `https://<site>/.latchkey/callback` there for
	// each site. If there are several providers, that is the redirect URI of the first one; each of the others has its
	// own, `https://<site>/.latchkey/callback/<name>`, so that an answer of one provider cannot be used as an answer of
	// another.
	ClientID string `json:"client_id"`

	// The secret of this client. Use a placeholder, `{env.NAME}` or `{file./path}`: a literal secret is visible in the
	// adapted configuration and in Caddy's autosave. The placeholder is replaced at each token request, so a changed
	// file needs no reload. Empty: a public client, protected only by PKCE.
	ClientSecret string `json:"client_secret,omitempty" placeholders:"later"`

	// How Latchkey authenticates as this client: with a key instead of a secret, or how it sends the secret. Default:
	// `client_secret_basic`, or `client_secret_post` if the provider supports nothing else.
	ClientAuth *ClientAuth `json:"client_auth,omitempty"`

	// `require`: every authorization request is pushed to the provider first (PAR, RFC 9126), so the browser carries only
	// a reference to it. `off`: none is. `auto`, the default: it is pushed if the provider's metadata requires it.
	PAR string `json:"par,omitempty"`

	// Demand tokens that are bound to a key of the session (DPoP, RFC 9449), so that a stolen token is of no use elsewhere.
	// An answer with bearer tokens is refused then. Default: false; true with `profile fapi2`, unless `client_auth` is `tls`.
	DPoP *bool `json:"dpop,omitempty"`

	// `require`: the key of `client_auth private_key_jwt` signs every authorization request (RFC 9101). `off`: none. `auto`,
	// the default: it signs them if the provider's metadata requires it.
	SignedRequests string `json:"signed_requests,omitempty"`

	// `fapi2`: the FAPI 2.0 security profile. It demands `client_auth private_key_jwt` or `tls`, turns on `par require` and
	// `dpop on`, uses the issuer as the audience of assertions, and accepts only the algorithms PS256, ES256 and EdDSA, only
	// cipher suites of RFC 9325, and only responses that name their issuer. Default: none.
	Profile string `json:"profile,omitempty"`

	// `silent`: if the session has no refresh token and its claims and groups are older than the session's `recheck`,
	// Latchkey asks for them again through the browser, with an invisible redirect at the next page that the user
	// opens. If the provider needs an input of the user, the user signs in again. Default: without a refresh token,
	// claims and groups stay as they were at sign-in.
	Recheck string `json:"recheck,omitempty"`

	// The URL of the provider's metadata, if it is not at `/.well-known/openid-configuration` under the issuer, as with
	// Azure AD B2C and Oracle. The metadata must still name the issuer. It must be https; for a loopback host http is
	// accepted.
	MetadataURL string `json:"metadata_url,omitempty"`

	// Scheme, host and port at which Latchkey itself reaches the provider, if that differs from the issuer's address:
	// the name of a container, for example. Latchkey sends every request for the issuer's origin there (metadata, keys,
	// tokens, userinfo and revocation), with the public host name in `Host`, `X-Forwarded-Host` and
	// `X-Forwarded-Proto`. Browsers never use this address. Plain http is accepted for names and addresses that are not
	// on the Internet; an attacker who can read or change the traffic on that network can then sign in as any user.
	// Default: the issuer's address.
	InternalURL string `json:"internal_url,omitempty"`

	// The URL to which users are sent when they sign out. It replaces the `end_session_endpoint` of the provider's
	// metadata. These placeholders are replaced, only in the query: `{client_id}`, `{post_logout_redirect_uri}`,
	// `{state}`, `{id_token_hint}` and `{logout_hint}`. Default: the endpoint in the metadata, if there is one.
	EndSessionURL string `json:"end_session_url,omitempty" placeholders:"later"`

	// The requested scopes; they must include `openid`. Default: `openid profile email offline_access`, without
	// `offline_access` if the provider's `scopes_supported` does not list it. For Google, `access_type=offline` and
	// `prompt=consent` replace `offline_access`.
	Scopes []string `json:"scopes,omitempty"`

	// The claim that lists a user's groups. A dot selects a field of an object: `realm_access.roles`. `[*]` selects a
	// field of each element of a list: `roles[*].name`. `[keys]` selects the field names of an object:
	// `urn:zitadel:iam:org:project:roles[keys]`. All claims in this configuration use this syntax. Default: `groups`.
	GroupsClaim string `json:"groups_claim,omitempty"`

	// The address of Microsoft Graph, `https://graph.microsoft.com/v1.0`. Latchkey asks it for a user's groups if the
	// token contains only a reference to them, which Entra does for more than 200 groups. The access token must be
	// valid for Graph. Default: the groups are then unknown: no allow-list by group admits the user, and every rule
	// that includes a group applies to them.
	GroupsOverage string `json:"groups_overage,omitempty"`

	// The claims that can hold the name of the user in logs and headers; the first one that is present is used. Users
	// are told apart by issuer and subject, not by this name. Default: `preferred_username email sub`.
	UserClaims []string `json:"user_claims,omitempty"`

	// Treat a user name that looks like a mail address as the user's address, although the provider does not say that
	// it has verified it. Use this only if users cannot choose their user name, as in Microsoft Entra ID. Otherwise a
	// user could choose a colleague's address as a name and get the colleague's access. Default: such a name grants no
	// access, excludes no user from a policy and is not sent to the application; rules that restrict access still apply
	// to it.
	TrustUserNames bool `json:"trust_user_names,omitempty"`

	// Audiences that an ID token may have in addition to the client, if the token says that it was issued to this
	// client (`azp`). ZITADEL adds the ID of its project. Every service in this list can use the token too, so list
	// only your own audiences. Default: none.
	TrustAudience []string `json:"trust_audience,omitempty"`

	// The claim and value that mark a guest. Default: no user is a guest.
	Guest *ClaimValue `json:"guest,omitempty"`

	// Values of the claim `amr` that mean integrated Windows authentication. Default: `wia kerberos negotiate spnego`.
	IWAAMR []string `json:"iwa_amr,omitempty"`

	// Values of the claim `amr` that mean a second factor. Default: `mfa otp hwk swk fido`.
	MFAAMR []string `json:"mfa_amr,omitempty"`

	// Values of the claim `acr` that mean a second factor. Default: none.
	MFAACR []string `json:"mfa_acr,omitempty"`

	// The claims that state a risk, with the values `none`, `low`, `medium` or `high`. Default: the risk is unknown.
	Risk RiskClaims `json:"risk,omitzero"`

	// The claims that describe the device; each is true or false. Default: the device is unknown.
	Device DeviceClaims `json:"device,omitzero"`

	// The claim by which the provider states the user's answer, if it asks "Stay signed in?" itself. Default: none.
	Inherit *ClaimValues `json:"inherit,omitempty"`

	// Parameters added to the authorization request, such as `domain_hint`. They cannot replace the parameters of the
	// protocol.
	AuthParams map[string]string `json:"auth_params,omitempty"`

	// A PEM file with the certificates of the authorities that may issue the provider's certificate. Default: the
	// system's authorities.
	CAFile string `json:"ca_file,omitempty"`
}

// RecheckSilent is the value of Provider.Recheck for a recheck in the browser, with prompt=none.
const RecheckSilent = "silent"

// PARModes are the values of Provider.PAR.
var PARModes = []string{PARAuto, oidc.PushRequire, oidc.PushOff}

// PARAuto is the default of Provider.PAR.
const PARAuto = "auto"

// ClaimValue is a claim and one value of it.
type ClaimValue struct {
	// The name of the claim.
	Claim string `json:"claim"`

	// The value.
	Value string `json:"value"`
}

// ClaimValues is a claim and a list of its values.
type ClaimValues struct {
	// The name of the claim.
	Claim string `json:"claim"`

	// The values, any of which matches.
	Values []string `json:"values"`
}

// RiskClaims names the claims that state a risk: `none`, `low`, `medium` or `high`.
type RiskClaims struct {
	// The claim with the risk of this sign-in.
	SignIn string `json:"sign_in,omitempty"`

	// The claim with the risk of the user.
	User string `json:"user,omitempty"`
}

// DeviceClaims names the claims about the device from which the user signed in.
type DeviceClaims struct {
	// The claim that is true if the device is compliant.
	Compliant string `json:"compliant,omitempty"`

	// The claim that is true if the device is managed.
	Managed string `json:"managed,omitempty"`

	// The claim that is true if several people share the device.
	Shared string `json:"shared,omitempty"`
}

// protocolParams are set by the sign-in itself. Neither the configuration nor a link can replace them (A44).
var protocolParams = []string{
	"client_id", "client_secret", "code_challenge", "code_challenge_method", "dpop_jkt", "nonce", "redirect_uri", "request", "request_uri",
	"response_type", "scope", "state",
}

// Called is the name of the provider, DefaultProvider if it has none.
func (p *Provider) Called() string {
	if p.Name == "" {
		return DefaultProvider
	}
	return p.Name
}

// Check returns the first error in the provider's configuration. It skips values with placeholders.
func (p *Provider) Check() error {
	if err := CheckID(p.Called()); err != nil {
		return fmt.Errorf("name: %w", err)
	}
	if strings.Trim(p.Called(), ".") == "" {
		return errors.New("name: a name is more than dots") // the name is a path segment
	}
	if err := CheckDisplayName(p.DisplayName); err != nil {
		return err
	}
	if !HasPlaceholder(p.Issuer) {
		if err := CheckIssuer(p.Issuer); err != nil {
			return err
		}
	}
	if p.ClientID == "" {
		return errors.New("client_id is missing")
	}
	if err := p.ClientAuth.check(p.ClientSecret); err != nil {
		return err
	}
	if err := p.checkProfile(); err != nil {
		return err
	}
	if err := p.checkSigned(); err != nil {
		return err
	}
	if err := p.CheckAddresses(); err != nil {
		return err
	}
	if p.PAR != "" && !slices.Contains(PARModes, p.PAR) && !HasPlaceholder(p.PAR) {
		return fmt.Errorf("par: %q is none of %s", p.PAR, strings.Join(PARModes, ", "))
	}
	if p.Recheck != "" && p.Recheck != RecheckSilent && !HasPlaceholder(p.Recheck) {
		return fmt.Errorf("recheck: %q is not %s", p.Recheck, RecheckSilent)
	}
	if p.GroupsOverage != "" && !HasPlaceholder(p.GroupsOverage) {
		if err := reach.CheckEndpoint(p.GroupsOverage); err != nil {
			return fmt.Errorf("groups_overage: %w", err)
		}
	}
	if len(p.Scopes) > 0 && !slices.Contains(p.Scopes, "openid") && !slices.ContainsFunc(p.Scopes, HasPlaceholder) {
		return errors.New("scopes: openid must be among them")
	}
	for _, k := range slices.Sorted(maps.Keys(p.AuthParams)) {
		if err := CheckAuthParam(k, p.AuthParams[k]); err != nil {
			return err
		}
	}
	for _, list := range []struct {
		word   string
		values []string
	}{
		{"scopes", p.Scopes},
		{"user_claims", p.UserClaims},
		{"trust_audience", p.TrustAudience},
		{"iwa_amr", p.IWAAMR},
		{"mfa_amr", p.MFAAMR},
		{"mfa_acr", p.MFAACR},
	} {
		if slices.ContainsFunc(list.values, func(v string) bool { return strings.TrimSpace(v) == "" }) {
			return fmt.Errorf("%s: a value is empty", list.word)
		}
	}
	if err := p.checkClaims(); err != nil {
		return err
	}
	if p.Guest != nil && (p.Guest.Claim == "" || p.Guest.Value == "") {
		return errors.New("guest: claim and value are needed")
	}
	if p.Inherit != nil && (p.Inherit.Claim == "" || len(p.Inherit.Values) == 0) {
		return errors.New("inherit: claim and values are needed")
	}
	return nil
}

// CheckAddresses checks the other URLs of the provider. It skips those with placeholders.
func (p *Provider) CheckAddresses() error {
	if p.MetadataURL != "" && !HasPlaceholder(p.MetadataURL) {
		if err := reach.CheckEndpoint(p.MetadataURL); err != nil {
			return fmt.Errorf("metadata_url: %w", err)
		}
	}
	if p.InternalURL != "" && !HasPlaceholder(p.InternalURL) {
		if err := reach.CheckInside(p.InternalURL); err != nil {
			return fmt.Errorf("internal_url: %w", err)
		}
	}
	if p.EndSessionURL != "" && !placeholder.MatchString(p.EndSessionURL) {
		if _, err := parseEndSession(p.EndSessionURL); err != nil {
			return fmt.Errorf("end_session_url: %w", err)
		}
	}
	return nil
}

// checkClaims refuses claim paths that can match nothing.
func (p *Provider) checkClaims() error {
	type named struct{ word, claim string }
	all := []named{
		{"groups_claim", p.GroupsClaim},
		{"risk_claim sign_in", p.Risk.SignIn},
		{"risk_claim user", p.Risk.User},
		{"device_claim compliant", p.Device.Compliant},
		{"device_claim managed", p.Device.Managed},
		{"device_claim shared", p.Device.Shared},
	}
	for _, path := range p.UserClaims {
		all = append(all, named{"user_claim", path})
	}
	if p.Guest != nil {
		all = append(all, named{"guest_claim", p.Guest.Claim})
	}
	if p.Inherit != nil {
		all = append(all, named{"inherit_claim", p.Inherit.Claim})
	}
	for _, c := range all {
		if c.claim == "" {
			continue
		}
		if err := claim.CheckPath(c.claim); err != nil {
			return fmt.Errorf("%s: %w", c.word, err)
		}
	}
	return nil
}

// parseEndSession parses the URL of the sign-out. It allows only placeholders that are replaced at sign-out.
func parseEndSession(raw string) (*leave.Template, error) {
	t, err := leave.Parse(raw)
	if err != nil {
		return nil, err
	}
	return t, reach.CheckEndpoint(t.Address())
}

// CheckAuthParam refuses parameters of the authorization request that the protocol sets itself, and values that no URL can hold.
func CheckAuthParam(key, value string) error {
	switch {
	case key == "":
		return errors.New("auth_param: a name is missing")
	case slices.Contains(protocolParams, key):
		return fmt.Errorf("auth_param: %s belongs to the protocol and cannot be set", key)
	case key == "response_mode" && value != "query" && value != "form_post" && !HasPlaceholder(value):
		return fmt.Errorf("auth_param: response_mode is query or form_post, not %q", value)
	}
	return nil
}
