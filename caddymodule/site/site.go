package site

import (
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/crossorigin"
	"github.com/latchkey-gateway/latchkey/caddymodule/identity"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session/bearer"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// Site is one compiled site, ready to serve. It combines its own configuration with that for all sites.
type Site struct {
	*config.Site

	Tenant *Tenant
	logger *zap.Logger
	// SignIn is the site in the form that package signin uses.
	SignIn access.Site
	match  ruleMatcher
	// Rules is the source from which policies is compiled.
	Rules    policy.Config
	Compiled *policy.Set
	needed   neededSignals
	matchers *Matchers
	readings *readings
	form     scrub.Rules
	behind   scrub.Rules // form for requests from a proxy that Caddy trusts
	headers  []identityHeader
	writer   *identity.Writer
	// assertionOnly selects the groups in an assertion.
	assertionOnly *identity.Only
	activity      activity
	forward       *forwarding // nil: the application gets no access token
	// Programs decides on the tokens of programs, Resource is what they are told; nil if the site accepts none.
	Programs *bearer.Verifier
	Resource *bearer.Resource
	// addressed: a rule depends on the client's address.
	addressed bool
	unlogged  bool // the server writes no access log
	spelled   atomic.Pointer[spelling]
}

// spelling is one spelling of a request's host, with the canonical form and the origin.
type spelling struct {
	host   string
	secure bool

	canonical, origin string
}

// spell returns the canonical form of a host and its origin. Almost all requests of a site have the same host, so the
// last result is kept.
func (h *Site) spell(host string, secure bool) (*spelling, bool) {
	if last := h.spelled.Load(); last != nil && last.host == host && last.secure == secure {
		return last, true
	}
	canonical, ok := scrub.Host(host)
	if !ok {
		return nil, false
	}
	s := &spelling{host: host, secure: secure, canonical: canonical, origin: crossorigin.Of(secure, canonical, host)}
	h.spelled.Store(s)
	return s, true
}
