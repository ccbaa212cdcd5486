package renew

import (
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/retry"
)

const (
	// recheckPause is the pause after a failed renewal: for that session, and for all sessions of a provider if no
	// connection is possible. It doubles with each further failure of a session in a row.
	recheckPause = 15 * time.Second
	// longestPause is the longest such pause.
	longestPause = 5 * time.Minute
	// pauseMemory is how long after a pause another failure counts as in a row.
	pauseMemory = 10 * time.Minute
	// maxPauses bounds for how many sessions that is kept.
	maxPauses = 4096
)

// A backoff is why a session is not renewed for a while.
type backoff struct {
	at time.Time
	// tries counts failures in a row.
	tries int
	// down: the provider is the reason, as far as this session's renewal could tell.
	down bool
}

// backoffSet contains the sessions whose renewal has recently failed. The zero value is ready to use.
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
