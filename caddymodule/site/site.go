package site

import (
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/crossorigin"
	"github.com/latchkey-gateway/latchkey/caddymodule/identity"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session/signin"
)

// Site is one site, ready to serve: what its configuration says, compiled together with what holds for every site.
type Site struct {
	*config.Site

	Tenant *Tenant
	logger *zap.Logger
	// signIn is the site as sign-in knows it.
	SignIn signin.Site
	match  ruleMatcher
	// rules are what policies is compiled from.
	Rules    policy.Config
	Compiled *policy.Set
	needed   neededSignals
	matchers *Matchers
	readings *readings
	form     scrub.Rules
	behind   scrub.Rules // form for what comes from a proxy that Caddy trusts
	headers  []identityHeader
	writer   *identity.Writer
	// assertionOnly are the groups that an assertion has.
	assertionOnly *identity.Only
	activity      activity
	// addressed: a rule looks at the address of the client.
	addressed bool
	unlogged  bool // the server writes no access log
	spelled   atomic.Pointer[spelling]
}

// spelling is one way to spell the host of a request, and what it comes to.
type spelling struct {
	host   string
	secure bool

	canonical, origin string
}

// spell brings a host to its canonical form and makes the origin of it. Nearly all requests of a site name one host, so
// the last one is remembered.
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
