package signinlog

import (
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

const (
	// shareParts: one user may have at most this fraction of MaxEntries in one day, counted for each gateway.
	shareParts = 100
	// leastShare is how many records a day each user may have in any case, however small the log is.
	leastShare = 64
	// maxSharers is for how many users and addresses records are counted in a day. Those beyond share one share.
	maxSharers = 100_000
)

// share is what is known of a record before it is written.
type share uint8

const (
	// admitted: it is within the share of its user. refused: it is not.
	admitted share = iota + 1
	refused
	// inStore: it is stored.
	inStore
)

// shares limits how many of a day's records belong to one user, or to one address if the user is not known, so that one
// user or client cannot displace the records of others (field trial 2.6).
type shares struct {
	each    int
	logger  *zap.Logger
	mu      sync.Mutex // guards day and taken
	day     day
	taken   map[string]int
	refused atomic.Uint64
}

func shareOf(maxEntries int) int { return max(leastShare, maxEntries/shareParts) }

// admit reports whether a record is within the share of its user or address. Actions of administrators always are.
func (s *shares) admit(r Record, now time.Time) bool {
	if r.InitiatedBy != nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := dayOf(now); s.taken == nil || d != s.day {
		s.day, s.taken = d, map[string]int{}
	}
	whose := r.UserID()
	if r.UserSubject == "" {
		whose = "address " + r.IP
	}
	if _, known := s.taken[whose]; !known && len(s.taken) >= maxSharers {
		whose = ""
	}
	n := s.taken[whose] + 1
	s.taken[whose] = n
	if n <= s.each {
		return true
	}
	s.refused.Add(1)
	if n == s.each+1 {
		s.logger.Warn("the share of one user or address in the stored sign-in log is used up for today; further sign-ins are logged here and not stored",
			zap.String("user_issuer", r.UserIssuer), zap.String("user_subject", r.UserSubject), zap.String("ip", r.IP), zap.Int("stored", s.each))
	}
	return false
}
