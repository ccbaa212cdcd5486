package retry

import "time"

// Backoff is how long to wait between tries that fail. There is no jitter: what tries here is one per process.
type Backoff struct {
	// First is the wait after the first failure. Each further one in a row doubles it, up to Longest.
	First, Longest time.Duration
}

// After returns the wait after so many failures in a row.
func (b Backoff) After(failures int) time.Duration {
	wait := min(b.First, b.Longest)
	for i := 1; i < failures && wait < b.Longest; i++ {
		if wait > b.Longest/2 {
			return b.Longest
		}
		wait *= 2
	}
	return wait
}
