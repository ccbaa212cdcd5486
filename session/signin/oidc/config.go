package oidc

import (
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/signin/leave"
)

// Config is one OpenID provider, as configured.
type Config struct {
	// Name is how the configuration and the log call it; Title is for people, empty means Name.
	Name, Title string
	// Issuer is compared with the metadata's and each token's, byte for byte.
	Issuer   string
	ClientID string
	// ClientSecret is asked for at each token request, so that a rotated secret needs no reload. Nil: a public client.
	ClientSecret func() (string, error)
	// ClientKey proves who we are in place of a secret (private_key_jwt), and is asked for as often. ClientAudience is
	// whom its assertions are for; empty: the provider, by its token endpoint.
	ClientKey      func() (*ClientKey, error)
	ClientAudience string
	// TrustAudience are audiences that an ID token may have beside us, if its azp says that it was issued to us.
	TrustAudience []string
	// SilentRecheck has claims that are too old and cannot be refreshed asked for anew by a round trip of the browser.
	SilentRecheck bool
	// ClientMethod is how the secret is sent: client_secret_basic or client_secret_post. Empty: client_secret_basic, unless
	// the metadata offers client_secret_post alone.
	ClientMethod string
	// Scopes always include openid. Empty: openid profile email offline_access, as far as the provider has them.
	Scopes []string
	// MetadataURL is where the metadata is, if that is not where the issuer's name leads. The metadata has to name the issuer.
	MetadataURL string
	// InternalURL is an origin at which the gateway itself reaches what has the issuer's origin. Browsers never go there.
	InternalURL string
	// EndSession is where a person is signed out, in place of what the metadata says.
	EndSession *leave.Template
	// AuthParams are sent to the authorization endpoint as they are; none can replace a parameter of the protocol.
	AuthParams map[string]string
	Claims     ClaimsConfig
	// HeaderClaims are the claims that headers of sites carry. They are asked for when claims are too large to keep. Nil:
	// none.
	HeaderClaims func() []string
	// Patience is how long a sign-in waits for metadata that was never found; 0: 3 seconds.
	Patience time.Duration
	// Client talks to the provider; nil: NewClient(ClientConfig{}).
	Client *http.Client
	Logger *zap.Logger
	Now    func() time.Time
}
