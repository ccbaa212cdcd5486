package retry

import (
	"sync"
	"time"
)

// Seldom lets one call through in a while, so that a log does not repeat itself. The zero value is ready, and is safe for
// concurrent use.
type Seldom struct {
	mu   sync.Mutex
	last time.Time
}

// Now reports true if it has not done so within every before at. A clock that was set back lets the next call through.
func (s *Seldom) Now(at time.Time, every time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.last.IsZero() && at.Sub(s.last) < every && !at.Before(s.last) {
		return false
	}
	s.last = at
	return true
}
