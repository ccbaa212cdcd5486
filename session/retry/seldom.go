package retry

import (
	"sync"
	"time"
)

// Seldom allows one call per period, so that a log does not repeat itself. The zero value is ready to use, and is safe
// for concurrent use.
type Seldom struct {
	mu   sync.Mutex
	last time.Time
}

// Now returns true if it has not done so within the period every before at. After the clock was set back it also
// returns true.
func (s *Seldom) Now(at time.Time, every time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.last.IsZero() && at.Sub(s.last) < every && !at.Before(s.last) {
		return false
	}
	s.last = at
	return true
}
