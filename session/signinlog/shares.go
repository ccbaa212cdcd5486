package signinlog

import (
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

const (
	// shareParts: a person's records of one day are at most this part of MaxEntries, by what one gateway writes.
	shareParts = 100
	// leastShare is how many records a day everybody may have, however small the log is.
	leastShare = 64
	// maxSharers bounds for how many people and addresses records are counted in a day. Those beyond share one share.
	maxSharers = 100_000
)

// shares bounds how much of a day's records may be of one person, or of one address where no person is known, so that
// one user or client cannot push the records of others out of the log (field trial 2.6).
type shares struct {
	each    int
	logger  *zap.Logger
	day     day
	taken   map[string]int
	refused atomic.Uint64
}

func shareOf(maxEntries int) int { return max(leastShare, maxEntries/shareParts) }

// admit reports whether a record is within the share of whose it is. Acts of administrators always are.
func (s *shares) admit(r Record, now time.Time) bool {
	if r.InitiatedBy != nil {
		return true
	}
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
