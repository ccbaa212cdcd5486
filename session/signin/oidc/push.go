package oidc

import (
	"context"
	"errors"
	"net/url"

	"github.com/latchkey-gateway/latchkey/session/signin/grant"
)

// Values of Config.Push.
const (
	// PushRequire pushes every authorization request. Without an endpoint for that no user can sign in.
	PushRequire = "require"
	// PushOff pushes none, whatever the provider requires.
	PushOff = "off"
)

// errNoPushing: the configuration requires pushed requests, and the metadata has no endpoint for them.
var errNoPushing = errors.New("par require: metadata has no pushed_authorization_request_endpoint")

// pushes reports whether authorization requests are pushed (RFC 9126): if the configuration or the metadata requires it
// (section 5). A provider that only offers it would make every sign-in wait for one more request.
func (c *Config) pushes(m *Metadata) bool {
	return c.Push == PushRequire || c.Push == "" && m.RequiresPush
}

// push sends the parameters of an authorization request to the provider, and returns those that remain for the browser
// (RFC 9126, sections 2.1 and 4).
func (p *Provider) push(ctx context.Context, m *Metadata, params url.Values) (url.Values, error) {
	if m.PushEndpoint == "" {
		return nil, errNoPushing
	}
	ctx, cancel := context.WithTimeout(ctx, idpTimeout)
	defer cancel()
	uri, err := authenticate(ctx, p, m, nil, m.PushEndpoint, params, grant.Push)
	if err != nil {
		return nil, err
	}
	return url.Values{"client_id": {p.ClientID}, "request_uri": {uri}}, nil
}
