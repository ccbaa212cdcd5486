package renew

import (
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/retry"
)

const (
	// recheckPause is how long a renewal is not tried again after one that went wrong: of the session that it was of, and of
	// all sessions of a provider where nobody is to connect to. With each failure in a row a session waits twice as long.
	recheckPause = 15 * time.Second
	// longestPause bounds that.
	longestPause = 5 * time.Minute
	// pauseMemory is how long a pause that is over counts as one in a row.
	pauseMemory = 10 * time.Minute
	// maxPauses bounds for how many sessions that is kept.
	maxPauses = 4096
)

// A backoff is why a session is not renewed for a while.
type backoff struct {
	at time.Time
	// tries counts failures in a row.
	tries int
	// down: the provider is why, as far as this session's renewal could tell.
	down bool
}

// backoffSet has the sessions whose renewal has just failed, and until when none is tried.
type backoffSet struct {
	held retry.Holds[session.ID, backoff]
}

func newBackoffSet() *backoffSet {
	return &backoffSet{retry.Holds[session.ID, backoff]{Most: maxPauses}}
}

// of returns the backoff of a session, and whether it lasts.
func (b *backoffSet) of(id session.ID, now time.Time) (backoff, bool) {
	one, lasts := b.held.Get(id, now)
	return one.Value, lasts
}

func (b *backoffSet) holds(id session.ID, now time.Time) bool {
	_, held := b.of(id, now)
	return held
}

// failed begins a backoff after a failure: the longer the more there were in a row, unless it is to be short.
func (b *backoffSet) failed(id session.ID, now time.Time, down, short bool) {
	b.held.Update(id, now, func(old retry.Hold[backoff]) retry.Hold[backoff] {
		tries := old.Value.tries + 1
		if now.Sub(old.Until) >= pauseMemory {
			tries = 1
		}
		wait := recheckPause
		if !short {
			wait = retry.Backoff{First: recheckPause, Longest: longestPause}.After(tries)
		}
		return retry.Hold[backoff]{Until: now.Add(wait), Value: backoff{at: now, tries: tries, down: down}}
	})
}

// add begins a backoff of a length that is known.
func (b *backoffSet) add(id session.ID, now time.Time, wait time.Duration, down bool) {
	b.held.Update(id, now, func(old retry.Hold[backoff]) retry.Hold[backoff] {
		return retry.Hold[backoff]{Until: now.Add(wait), Value: backoff{at: now, tries: old.Value.tries, down: down}}
	})
}

// forget ends the backoff of a session whose renewal went well.
func (b *backoffSet) forget(id session.ID) { b.held.Delete(id) }
