package site

import (
	"errors"
	"net/http"
	"net/textproto"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/accesstoken"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// forwarding is how the application of a site gets the user's access token.
type forwarding struct {
	header string // canonical
	// authorization: the header is Authorization, which has a scheme before the token.
	authorization bool
	// exchange is for whom the provider exchanges the token, what its name; nil and empty if it does not.
	exchange *oidc.Exchange
	what     string
}

// newForwarding compiles it; nil if the application gets no token.
func newForwarding(c *config.ForwardAccessToken) *forwarding {
	if c == nil {
		return nil
	}
	f := &forwarding{header: textproto.CanonicalMIMEHeaderKey(c.HeaderName())}
	f.authorization = scrub.Same(f.header, config.AuthorizationHeader)
	if f.exchange = c.Exchange(); f.exchange != nil {
		f.what = c.Describe()
	}
	return f
}

// set sets the header with the user's access token. Without a token that has not ended the request must not reach the
// application, so the error refuses it.
func (f *forwarding) set(service *signin.Service, r *http.Request, p *request, token session.Token) error {
	if f == nil {
		return nil
	}
	value, err := service.AccessTokens().Authorization(r, p.live, token, f.what, f.exchange)
	if err != nil {
		return err
	}
	if !f.authorization {
		value = accesstoken.Bare(value)
	}
	r.Header[f.header] = []string{value}
	return nil
}

// scrub removes the client's own header Authorization, if the site sends one to its application: what the application reads
// there must always come from the gateway. Any other header is removed with the identity headers.
func (f *forwarding) scrub(r *http.Request) {
	if f != nil && f.authorization {
		delete(r.Header, config.AuthorizationHeader)
	}
}

// unavailable returns the reason, for log and metric, why no decision was possible.
func unavailable(err error) string {
	switch {
	case errors.Is(err, access.ErrNoAccessToken):
		return "no_access_token"
	case errors.Is(err, oidc.ErrProviderDown):
		return "provider_unavailable"
	}
	return "store_unavailable"
}
