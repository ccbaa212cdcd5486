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

	// For `private_key_jwt` only: the recipient of the assertion (`aud`). Default: at the token endpoint, its URL; at
	// other endpoints, the issuer.
	Audience string `json:"audience,omitempty"`
}

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

// hasKey reports whether the client authenticates with a key in place of a secret.
func (c *ClientAuth) hasKey() bool { return c.Method == PrivateKeyJWT || c.Method == ClientTLS }
