package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// ClientAuth is the method by which the client authenticates at its provider.
type ClientAuth struct {
	// `private_key_jwt`: a signed assertion (RFC 7523). `tls`: a certificate (RFC 8705, of an authority or self-signed, as
	// it is registered at the provider). `client_secret_basic` or `client_secret_post`: the secret, in a
	// header or in the form.
	Method string `json:"method"`

	// For `tls` only: a PEM file with the certificate, followed by those of the intermediate authorities. It and the key
	// are read at each connection to the provider, so changed files need no reload.
	CertFile string `json:"cert_file,omitempty" placeholders:"later"`

	// For `tls`: a PEM file with the key of the certificate. For `private_key_jwt`: a PEM file with the private key, RSA or EC. If the file also contains the
	// certificate, the assertion includes its hash (`x5t#S256`), which Entra requires. The file is read at each request
	// to the provider, so a changed file needs no reload.
	KeyFile string `json:"key_file,omitempty" placeholders:"later"`

	// For `private_key_jwt` only: the key that takes the place of the first one later, in a file of its own. It signs
	// nothing. `latchkey doctor` prints both public keys, so that the provider knows the next one before it is used.
	NextKeyFile string `json:"next_key_file,omitempty" placeholders:"later"`

	// For `private_key_jwt` only: the recipient of the assertion (`aud`). `issuer` is the issuer, at every endpoint.
	// Default: at the token endpoint, its URL; at other endpoints, and with `profile fapi2`, the issuer.
	Audience string `json:"audience,omitempty"`
}

// AudienceIssuer is the value of ClientAuth.Audience for the issuer.
const AudienceIssuer = "issuer"

// ProfileFAPI2 is the value of Provider.Profile for the FAPI 2.0 security profile.
const ProfileFAPI2 = "fapi2"

// PrivateKeyJWT is the client authentication by a signed assertion (OpenID Connect Core section 9).
const PrivateKeyJWT = "private_key_jwt"

// ClientTLS is the client authentication by a certificate (RFC 8705).
const ClientTLS = "tls"

// ClientAuthMethods are the values of ClientAuth.Method.
var ClientAuthMethods = []string{PrivateKeyJWT, ClientTLS, oidc.ClientSecretBasic, oidc.ClientSecretPost}

func (c *ClientAuth) check(secret string) error {
	switch {
	case c == nil, HasPlaceholder(c.Method):
		return nil
	case !slices.Contains(ClientAuthMethods, c.Method):
		return fmt.Errorf("client_auth: %q is none of %s", c.Method, strings.Join(ClientAuthMethods, ", "))
	case c.Method != ClientTLS && c.CertFile != "":
		return fmt.Errorf("client_auth: %s takes no certificate", c.Method)
	case c.Method == ClientTLS && c.Audience != "":
		return errors.New("client_auth: tls takes no audience")
	case c.Method == ClientTLS && c.CertFile == "":
		return errors.New("client_auth: the certificate file is missing")
	case c.Method != PrivateKeyJWT && c.NextKeyFile != "":
		return fmt.Errorf("client_auth: %s takes no next_key", c.Method)
	case !c.hasKey() && (c.KeyFile != "" || c.Audience != ""):
		return fmt.Errorf("client_auth: %s takes neither a key file nor an audience", c.Method)
	case !c.hasKey() && secret == "":
		return fmt.Errorf("client_auth: %s needs client_secret", c.Method)
	case !c.hasKey():
		return nil
	case c.KeyFile == "":
		return errors.New("client_auth: the key file is missing")
	case secret != "":
		return errors.New("client_auth takes the place of client_secret: give one of them")
	}
	return nil
}

// checkProfile refuses what contradicts the FAPI 2.0 security profile (section 5.3.3): a client that cannot authenticate
// with a key, a request through the browser, and tokens that are bound to nothing.
func (p *Provider) checkProfile() error {
	switch {
	case p.Profile == "", HasPlaceholder(p.Profile):
		return nil
	case p.Profile != ProfileFAPI2:
		return fmt.Errorf("profile: %q is not %s", p.Profile, ProfileFAPI2)
	case p.ClientAuth == nil || !p.ClientAuth.hasKey() && !HasPlaceholder(p.ClientAuth.Method):
		return errors.New("profile fapi2 needs client_auth private_key_jwt or tls")
	case p.ClientAuth.Audience != "" && p.ClientAuth.Audience != AudienceIssuer && !HasPlaceholder(p.ClientAuth.Audience):
		return errors.New("profile fapi2: the audience of client_auth is the issuer")
	case p.PAR != "" && p.PAR != oidc.PushRequire && !HasPlaceholder(p.PAR):
		return fmt.Errorf("profile fapi2 pushes every request: not with par %s", p.PAR)
	case p.DPoP != nil && !*p.DPoP && p.ClientAuth.Method != ClientTLS:
		return errors.New("profile fapi2 needs tokens that are bound to a key: dpop on, or client_auth tls")
	}
	return nil
}

// checkSigned refuses signed requests without a key to sign them.
func (p *Provider) checkSigned() error {
	switch {
	case p.SignedRequests == "", HasPlaceholder(p.SignedRequests):
		return nil
	case !slices.Contains(PARModes, p.SignedRequests):
		return fmt.Errorf("signed_requests: %q is none of %s", p.SignedRequests, strings.Join(PARModes, ", "))
	case p.SignedRequests == oidc.SignRequire && (p.ClientAuth == nil || p.ClientAuth.Method != PrivateKeyJWT && !HasPlaceholder(p.ClientAuth.Method)):
		return errors.New("signed_requests require needs client_auth private_key_jwt, whose key signs them")
	}
	return nil
}

// strict reports whether the provider must fit the FAPI 2.0 security profile.
func (p *Provider) strict() bool { return p.Profile == ProfileFAPI2 }

// bound reports whether tokens must be bound to a key of the session. With the profile they are, except where the
// certificate of the client binds them.
func (p *Provider) bound() bool {
	if p.DPoP != nil {
		return *p.DPoP
	}
	return p.strict() && p.ClientAuth.Method != ClientTLS
}

// push returns how authorization requests reach the provider.
func (p *Provider) push() string {
	if p.strict() {
		return oidc.PushRequire
	}
	return strings.TrimPrefix(p.PAR, PARAuto)
}

// audience returns the audience of assertions of the client; empty for the default.
func (p *Provider) audience() string {
	if p.strict() || p.ClientAuth != nil && p.ClientAuth.Audience == AudienceIssuer {
		return p.Issuer
	}
	if p.ClientAuth == nil {
		return ""
	}
	return p.ClientAuth.Audience
}

// hasKey reports whether the client authenticates with a key in place of a secret.
func (c *ClientAuth) hasKey() bool { return c.Method == PrivateKeyJWT || c.Method == ClientTLS }
