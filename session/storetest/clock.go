package storetest

import (
	"sync"
	"time"
)

// Clock is a clock that only advances by Advance.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock starts at a fixed time with a fraction of a millisecond, which stores round away.
func NewClock() *Clock {
	return &Clock{now: time.Date(2026, 3, 4, 5, 6, 7, 890_123_456, time.UTC)}
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance advances the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
