package signin

import (
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/pages"
)

// unlimited are the endpoints that cost nothing and lead nowhere. All others are held to Config.RateLimit, each by
// itself, so that an endpoint that is added is limited unless somebody says otherwise (A21).
var unlimited = map[string]bool{"/signed-out": true}

// floodQuiet is how often at most the log says that clients are held off; the count is in the metrics.
const floodQuiet = time.Minute

// limited answers a request whose client has asked for this endpoint too often, and reports whether it did. It comes
// before anything is opened, asked or written.
func (s *Service) limited(w http.ResponseWriter, r *http.Request, v *Visit, endpoint string) bool {
	if unlimited[endpoint] {
		return false
	}
	now := s.Now()
	wait, ok := s.limiter.Allow(v.IP, endpoint, now)
	if ok {
		return false
	}
	if s.OnLimited != nil {
		s.OnLimited(endpoint)
	}
	if last := s.flooded.Load(); now.UnixNano()-last >= int64(floodQuiet) && s.flooded.CompareAndSwap(last, now.UnixNano()) {
		s.Logger.Warn("too many requests from one address for an endpoint of sign-in; if it is a proxy's, configure trusted_proxies",
			zap.String("endpoint", endpoint), zap.Stringer("address", v.IP), zap.String("app", v.Site.App))
	}
	// No link back to where it came from: that may carry a code. A reload does it.
	s.problem(w, r, v, pages.Problem{Kind: pages.KindTooMany, RetryAfter: max(wait, time.Second), HomeURL: Home})
	return true
}
