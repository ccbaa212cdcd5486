package oidc

import (
	"crypto/tls"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/signin/leave"
)

// Config is the configuration of one OpenID provider.
type Config struct {
	// Name is the name in the configuration and the log. Title is the display name; empty means Name.
	Name, Title string
	// Issuer is compared byte for byte with the metadata and each token.
	Issuer   string
	ClientID string
	// ClientSecret is called at each token request, so that a rotated secret needs no reload. Nil: a public client.
	ClientSecret func() (string, error)
	// ClientKey authenticates the client instead of a secret (private_key_jwt), and is called as often. ClientAudience
	// is the audience of its assertions; empty: the provider's token endpoint.
	ClientKey      func() (*ClientKey, error)
	ClientAudience string
	// NextClientKey will take the place of ClientKey. It signs nothing. Nil: none.
	NextClientKey func() (*ClientKey, error)
	// TrustAudience are further audiences that an ID token may have, if its azp says that it was issued to us.
	TrustAudience []string
	// SilentRecheck: if claims are too old and cannot be refreshed, they are requested again by an invisible redirect
	// of the browser.
	SilentRecheck bool
	// ClientCertificate authenticates the client instead of a secret (RFC 8705). Client must present it: see ClientConfig.
	ClientCertificate func() (*tls.Certificate, error)
	// ClientMethod is how the secret is sent: client_secret_basic or client_secret_post. Empty: client_secret_basic, or
	// client_secret_post if the metadata supports nothing else.
	ClientMethod string
	// Scopes always include openid. Empty: openid profile email offline_access, as far as the provider supports them.
	Scopes []string
	// MetadataURL is the URL of the metadata if it is not the standard one under the issuer. The metadata must name the
	// issuer.
	MetadataURL string
	// InternalURL is the origin at which the gateway itself reaches URLs of the issuer's origin. Browsers never use it.
	InternalURL string
	// DPoP demands tokens that are bound to a key of the session (RFC 9449).
	DPoP bool
	// Push is PushRequire, PushOff, or empty: authorization requests are pushed if the provider requires it.
	Push string
	// Sign is SignRequire, SignOff, or empty: the client key signs authorization requests if the provider requires it.
	Sign string
	// FAPI accepts from the provider only what the FAPI 2.0 security profile allows: its algorithms, and a response that
	// names its issuer. The caller sets what the profile demands of the other fields.
	FAPI bool
	// EndSession is the sign-out URL; it replaces the one in the metadata.
	EndSession *leave.Template
	// AuthParams are sent to the authorization endpoint unchanged. They cannot replace a parameter of the protocol.
	AuthParams map[string]string
	Claims     ClaimsConfig
	// HeaderClaims returns the claims that headers of sites use. They are kept when the claims are too large to keep
	// all. Nil: none.
	HeaderClaims func() []string
	// KeepAccess reports whether sessions keep their access token, because a site forwards it to its application. Nil: they
	// do not.
	KeepAccess func() bool
	// Patience is how long a sign-in waits for metadata that was never fetched; 0: 3 seconds.
	Patience time.Duration
	// Client sends requests to the provider; nil: NewClient(ClientConfig{}).
	Client *http.Client
	Logger *zap.Logger
	Now    func() time.Time
}
