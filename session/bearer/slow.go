package bearer

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxSlow is how many tokens of addresses that guess may wait for the check of their signature.
	maxSlow = 256
	// slowest is the longest pause before such a token tries to have its turn again.
	slowest = 16 * time.Millisecond
)

// slow has the tokens of addresses that send many wrong ones checked one at a time, and each only after a pause, in which what
// waits for the processor goes first. So a flood of them delays requests of other clients by no more than one check. A good
// token among them is still found good. The zero value is ready to use.
type slow struct {
	one     sync.Mutex
	waiting atomic.Int32
}

// enter returns nil when it is the turn of a token; leave must then be called. Its errors are that of ctx, and a refusal if too
// many wait.
func (s *slow) enter(ctx context.Context) error {
	defer s.waiting.Add(-1)
	if s.waiting.Add(1) > maxSlow {
		return tooMany(0)
	}
	pause := time.Millisecond
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if s.one.TryLock() {
			return nil
		}
		// A lock that is waited for would pass from one token to the next without a pause.
		pause = min(2*pause, slowest)
		timer.Reset(pause)
	}
}

func (s *slow) leave() { s.one.Unlock() }
