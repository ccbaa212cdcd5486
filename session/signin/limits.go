package signin

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// limited answers a request whose client has used this endpoint too often, and reports whether it did. It comes before
// anything is opened, requested or written. start says that the endpoint only sends a browser to a provider. A request that
// it lets through counts at its user, once that is known.
func (s *limits) limited(w http.ResponseWriter, r *http.Request, v *access.Visit, endpoint string, start bool) bool {
	wait, ok := s.requests.Begin(v.IP, endpoint, start, s.Now())
	if ok {
		v.Proven = s.countAtUser(v.IP, endpoint, start)
		return false
	}
	s.tooMany(w, r, v, endpoint, wait)
	return true
}

// pushing bounds the authorization requests that the gateway itself sends to a provider (RFC 9126): any client can cause one
// with any page, and has proven nothing. If too many are under way it answers, and end is nil.
func (s *limits) pushing(w http.ResponseWriter, r *http.Request, v *access.Visit) (end func()) {
	end, ok := s.pushes.Begin(v.IP)
	if !ok {
		s.tooMany(w, r, v, "/sign-in", time.Second)
		return nil
	}
	return end
}

// tooMany answers, counts and logs a request that is one too many.
func (s *limits) tooMany(w http.ResponseWriter, r *http.Request, v *access.Visit, endpoint string, wait time.Duration) {
	if s.OnLimited != nil {
		s.OnLimited(endpoint)
	}
	if s.Quiet(&s.flooded) {
		s.Logger.Warn("too many requests from one address for an endpoint of sign-in; if it is a proxy's, configure trusted_proxies",
			zap.String("endpoint", endpoint), zap.Stringer("address", v.IP), zap.String("app", v.Site.App))
	}
	// There is no link back, because the address may contain a code. A reload is enough.
	s.Problem(w, r, v, pages.Problem{Kind: pages.KindTooMany, RetryAfter: max(wait, time.Second), HomeURL: browser.Home})
}

// countAtUser returns what Visit.Proven does for a request that was counted at its address. A request counts once.
func (s *limits) countAtUser(client netip.Addr, endpoint string, start bool) func(session.Identity) {
	var once sync.Once
	return func(who session.Identity) {
		once.Do(func() { s.requests.Proven(client, endpoint, start, who.Issuer, who.Subject, s.Now()) })
	}
}
