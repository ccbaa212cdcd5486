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

// DefaultProvider is the name of a provider that was given none.
const DefaultProvider = "default"

// Provider is an OpenID provider. Its metadata is fetched in the background: Latchkey starts while the provider is
// down, and signing in works as soon as it is up.
type Provider struct {
	// The name by which sites, policies and the log call it. Default: `default`.
	Name string `json:"name,omitempty"`

	// What people are shown where they choose between several providers. Default: the name.
	DisplayName string `json:"display_name,omitempty"`

	// A picture beside it: a PNG, JPEG or SVG file of at most 32 KB, square, and of a drawing alone: no script, nothing
	// from elsewhere. Default: the first letter.
	Icon string `json:"icon,omitempty"`

	// The issuer, exactly as the provider's metadata spells it. Must be https; http is accepted for a loopback host.
	Issuer string `json:"issuer"`

	// The client that the provider knows Latchkey as. Register `https://<site>/.latchkey/callback` for each site there; where
	// there are several providers, that is the address of the first, and `https://<site>/.latchkey/callback/<name>` that of
	// each other one, so that no provider's answer can be taken for another's.
	ClientID string `json:"client_id"`

	// The secret of this client. Use a placeholder, `{env.NAME}` or `{file./path}`: a literal ends up in the adapted
	// configuration and in Caddy's autosave. It is read anew for each token request, so a changed file needs no reload.
	// Empty: a public client, which is protected by PKCE alone.
	ClientSecret string `json:"client_secret,omitempty" placeholders:"later"`

	// How Latchkey proves that it is this client: with a key in place of a secret, or how the secret is sent. Default:
	// `client_secret_basic`, unless the provider offers `client_secret_post` alone.
	ClientAuth *ClientAuth `json:"client_auth,omitempty"`

	// `silent` has claims and groups that are older than the session's `recheck` asked for anew where the provider gave no
	// refresh token: by a round trip of the browser at the next page that is opened, which nobody sees. If the provider
	// would have to ask the person something, the person signs in again. Default: they stay as at sign-in.
	Recheck string `json:"recheck,omitempty"`

	// Where the provider's metadata is, if it is not at `/.well-known/openid-configuration` under the issuer, as with Azure AD
	// B2C and Oracle. It has to name the issuer all the same. https; http for a loopback host.
	MetadataURL string `json:"metadata_url,omitempty"`

	// Scheme, host and port at which Latchkey itself reaches the provider, where that is not the issuer's address: the name of
	// a container, for example. Everything under the issuer's origin is asked there: metadata, keys, tokens, userinfo and
	// revocation, with the public name in `Host`, `X-Forwarded-Host` and `X-Forwarded-Proto`. Browsers never go there. Plain
	// http is accepted for names and addresses that are not on the Internet; a person who can read or change what crosses that
	// network can sign in as anybody. Default: the issuer's address.
	InternalURL string `json:"internal_url,omitempty"`

	// Where people are sent when they sign out, in place of the `end_session_endpoint` in the provider's metadata, if it has
	// one. These are filled in, in the query alone: `{client_id}`, `{post_logout_redirect_uri}`, `{state}`, `{id_token_hint}`
	// and `{logout_hint}`. Default: as the metadata says.
	EndSessionURL string `json:"end_session_url,omitempty" placeholders:"later"`

	// The scopes asked for; `openid` must be among them. Default: `openid profile email offline_access`, without
	// `offline_access` where the provider's `scopes_supported` lacks it. At Google, `access_type=offline` and `prompt=consent`
	// take its place.
	Scopes []string `json:"scopes,omitempty"`

	// The claim that lists a person's groups. A dot leads into an object: `realm_access.roles`; `[*]` to each element of a
	// list: `roles[*].name`; `[keys]` to the names in an object: `urn:zitadel:iam:org:project:roles[keys]`. Every claim in
	// this configuration is written so. Default: `groups`.
	GroupsClaim string `json:"groups_claim,omitempty"`

	// Microsoft Graph, where a person's groups are asked for when the token holds only a pointer to them (Entra does so
	// over 200 groups): `https://graph.microsoft.com/v1.0`. The access token must be one for Graph. Default: the groups are
	// then unknown, so that no allow-list by group admits the person and every rule that includes a group applies.
	GroupsOverage string `json:"groups_overage,omitempty"`

	// The claims that may name a person in logs and headers; the first that is present does. People are told apart by
	// issuer and subject, whatever they are called. Default: `preferred_username email sub`.
	UserClaims []string `json:"user_claims,omitempty"`

	// Take a user name that looks like a mail address for the person's, although the provider does not say that it has
	// verified it. For providers where users cannot choose their user name, such as Microsoft Entra ID. Where people choose
	// theirs, one could take a colleague's address for a name and enter as them. Default: such a name opens nothing,
	// excludes no user and does not reach the app; rules that restrict take it for theirs all the same.
	TrustUserNames bool `json:"trust_user_names,omitempty"`

	// Further audiences that an ID token may have beside the client, if it says that it was issued to this client (`azp`).
	// ZITADEL adds the id of its project. Every service that is listed can use the token as well: list audiences of your own
	// alone. Default: none.
	TrustAudience []string `json:"trust_audience,omitempty"`

	// Who is a guest: whoever has this claim with this value. Default: nobody.
	Guest *ClaimValue `json:"guest,omitempty"`

	// Values of the claim `amr` that mean integrated Windows authentication. Default: `wia kerberos negotiate spnego`.
	IWAAMR []string `json:"iwa_amr,omitempty"`

	// Values of the claim `amr` that mean a second factor. Default: `mfa otp hwk swk fido`.
	MFAAMR []string `json:"mfa_amr,omitempty"`

	// Values of the claim `acr` that mean a second factor. Default: none.
	MFAACR []string `json:"mfa_acr,omitempty"`

	// The claims that state a risk: `none`, `low`, `medium` or `high`. Default: the risk is unknown.
	Risk RiskClaims `json:"risk,omitzero"`

	// The claims that describe the device; each is true or false. Default: the device is unknown.
	Device DeviceClaims `json:"device,omitzero"`

	// The claim by which the provider says that it has asked "Stay signed in?" itself. Default: none.
	Inherit *ClaimValues `json:"inherit,omitempty"`

	// Parameters added to the authorization request, such as `domain_hint`. The parameters of the protocol itself cannot
	// be replaced.
	AuthParams map[string]string `json:"auth_params,omitempty"`

	// A file with the certificates (PEM) of the authorities that the provider's certificate is verified against,
	// instead of the system's.
	CAFile string `json:"ca_file,omitempty"`
}

// ClientAuth is a way to authenticate a client to its provider.
type ClientAuth struct {
	// The method: `private_key_jwt`, a signed assertion (RFC 7523); or `client_secret_basic` or `client_secret_post`, which
	// send the secret in a header or in the form.
	Method string `json:"method"`

	// A PEM file with the private key, RSA or EC. With its certificate in the same file the assertion names that too
	// (`x5t#S256`, which Entra wants). Read anew for each request to the provider, so that a changed file needs no reload.
	// For `private_key_jwt` alone.
	KeyFile string `json:"key_file,omitempty" placeholders:"later"`

	// Whom the assertion is for (`aud`), for `private_key_jwt` alone. Default: the provider's token endpoint; its issuer at other endpoints.
	Audience string `json:"audience,omitempty"`
}

// RecheckSilent is the value of Provider.Recheck for a recheck in the browser, with prompt=none.
const RecheckSilent = "silent"

// PrivateKeyJWT is the client authentication by a signed assertion (OpenID Connect Core section 9).
const PrivateKeyJWT = "private_key_jwt"

var ClientAuthMethods = []string{PrivateKeyJWT, oidc.ClientSecretBasic, oidc.ClientSecretPost}

func (c *ClientAuth) check(secret string) error {
	switch {
	case c == nil, HasPlaceholder(c.Method):
		return nil
	case !slices.Contains(ClientAuthMethods, c.Method):
		return fmt.Errorf("client_auth: %q is none of %s", c.Method, strings.Join(ClientAuthMethods, ", "))
	case c.Method != PrivateKeyJWT && (c.KeyFile != "" || c.Audience != ""):
		return fmt.Errorf("client_auth: %s takes neither a key file nor an audience", c.Method)
	case c.Method != PrivateKeyJWT && secret == "":
		return fmt.Errorf("client_auth: %s needs client_secret", c.Method)
	case c.Method != PrivateKeyJWT:
		return nil
	case c.KeyFile == "":
		return errors.New("client_auth: the key file is missing")
	case secret != "":
		return errors.New("client_auth takes the place of client_secret: give one of them")
	}
	return nil
}

// ClaimValue is a claim and a value that means something.
type ClaimValue struct {
	// The name of the claim.
	Claim string `json:"claim"`

	// The value.
	Value string `json:"value"`
}

// ClaimValues is a claim and the values that mean something.
type ClaimValues struct {
	// The name of the claim.
	Claim string `json:"claim"`

	// The values, any of them.
	Values []string `json:"values"`
}

// RiskClaims are claims with a risk of `none`, `low`, `medium` or `high`.
type RiskClaims struct {
	// The claim with the risk of this sign-in.
	SignIn string `json:"sign_in,omitempty"`

	// The claim with the risk of the person.
	User string `json:"user,omitempty"`
}

// DeviceClaims are claims about the device somebody signed in from.
type DeviceClaims struct {
	// The claim that is true on a compliant device.
	Compliant string `json:"compliant,omitempty"`

	// The claim that is true on a managed device.
	Managed string `json:"managed,omitempty"`

	// The claim that is true on a device that several people share.
	Shared string `json:"shared,omitempty"`
}

// protocolParams are set by the sign-in itself; configuration can no more replace them than a link can (A44).
var protocolParams = []string{
	"client_id", "client_secret", "code_challenge", "code_challenge_method", "nonce", "redirect_uri", "request", "request_uri",
	"response_type", "scope", "state",
}

// Called is the name of the provider, DefaultProvider if it has none.
func (p *Provider) Called() string {
	if p.Name == "" {
		return DefaultProvider
	}
	return p.Name
}

// Check returns the first thing that is wrong with the provider, as far as it holds no placeholders.
func (p *Provider) Check() error {
	if err := CheckID(p.Called()); err != nil {
		return fmt.Errorf("name: %w", err)
	}
	if strings.Trim(p.Called(), ".") == "" {
		return errors.New("name: a name is more than dots") // it stands in a path
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
	if err := p.CheckAddresses(); err != nil {
		return err
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

// CheckAddresses looks at the addresses beside the issuer's, as far as they hold no placeholders.
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

// checkClaims refuses claims that no reader could find.
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

// parseEndSession reads the address of a sign-out in which nothing is left to be filled in but what belongs to the sign-out.
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
