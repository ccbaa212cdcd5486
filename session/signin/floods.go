package signin

import (
	"net/http"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// unlimited are the endpoints that cost nothing and lead nowhere. All others are held to Config.RateLimit, each by
// itself, so that an endpoint that is added is limited unless somebody says otherwise (A21). A provider signs many people
// out at once and from one address, and may not try again: what a forged logout token costs is bounded by the key set. To
// ask for the state of a session costs as much as any request to the app, and people behind one address do so all day.
var unlimited = map[string]bool{"/signed-out": true, "/logout/backchannel": true, "/session": true, "/done": true}

// floodQuiet is how often at most the log says that clients are held off, or that sign-ins are refused; the count of the
// former is in the metrics.
const floodQuiet = time.Minute

// quiet reports whether the log has said nothing of the kind for a while, and counts from now on if so.
func (s *recorder) quiet(said *atomic.Int64) bool {
	now, last := s.Now().UnixNano(), said.Load()
	return now-last >= int64(floodQuiet) && said.CompareAndSwap(last, now)
}

// tooSoon answers what a browser asks before anybody has followed the link: every endpoint does something that only a
// person may begin, or belongs to what they have begun. The browser asks again when they do.
func (s *Service) tooSoon(w http.ResponseWriter, r *http.Request, v *Visit) bool {
	if !browser.Speculative(r.Header) {
		return false
	}
	writeProblem(w, r, problemJSON{
		Title: "Not before somebody asks", Status: http.StatusServiceUnavailable, Reason: "speculative", RequestID: v.RequestID,
	})
	return true
}

// limited answers a request whose client has asked for this endpoint too often, and reports whether it did. It comes
// before anything is opened, asked or written.
func (s *Service) limited(w http.ResponseWriter, r *http.Request, v *Visit, endpoint string) bool {
	if unlimited[endpoint] {
		return false
	}
	wait, ok := s.limiter.Allow(v.IP, endpoint, s.Now())
	if ok {
		return false
	}
	if s.OnLimited != nil {
		s.OnLimited(endpoint)
	}
	if s.quiet(&s.flooded) {
		s.Logger.Warn("too many requests from one address for an endpoint of sign-in; if it is a proxy's, configure trusted_proxies",
			zap.String("endpoint", endpoint), zap.Stringer("address", v.IP), zap.String("app", v.Site.App))
	}
	// No link back to where it came from: that may carry a code. A reload does it.
	s.problem(w, r, v, pages.Problem{Kind: pages.KindTooMany, RetryAfter: max(wait, time.Second), HomeURL: browser.Home})
	return true
}
