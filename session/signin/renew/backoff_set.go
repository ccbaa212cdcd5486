package renew

import (
	"maps"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

const (
	// recheckPause is how long a renewal is not tried again after one that went wrong: of the session that it was of, and of
	// all sessions of a provider where nobody is to connect to. With each failure in a row a session waits twice as long.
	recheckPause = 15 * time.Second
	// longestPause bounds that.
	longestPause = 5 * time.Minute
	// pauseMemory is how long a pause that is over counts as one in a row.
	pauseMemory = 10 * time.Minute
	// maxPauses bounds for how many sessions that is kept in mind.
	maxPauses = 4096
)

// pause is for how long a session is not renewed.
type backoff struct {
	at, until time.Time
	// tries counts failures in a row.
	tries int
	// down: the provider is why, as far as this session's renewal could tell.
	down bool
}

// pauses are the sessions whose renewal went wrong just now. The zero value is ready.
type backoffSet struct {
	mu  sync.Mutex
	all map[session.ID]backoff
}

// of returns the pause of a session, if it lasts.
func (p *backoffSet) of(id session.ID, now time.Time) (backoff, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.all[id]
	return one, now.Before(one.until)
}

func (p *backoffSet) holds(id session.ID, now time.Time) bool {
	_, held := p.of(id, now)
	return held
}

// failed begins a pause after a failure: the longer the more there were in a row, unless it is to be short.
func (p *backoffSet) failed(id session.ID, now time.Time, down, short bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.all[id]
	if now.Sub(one.until) >= pauseMemory {
		one = backoff{}
	}
	wait := min(recheckPause<<min(one.tries, 8), longestPause)
	if short {
		wait = recheckPause
	}
	p.put(id, backoff{at: now, until: now.Add(wait), tries: one.tries + 1, down: down}, now)
}

// add begins a pause of a length that is known.
func (p *backoffSet) add(id session.ID, now time.Time, wait time.Duration, down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put(id, backoff{at: now, until: now.Add(wait), tries: p.all[id].tries, down: down}, now)
}

// put keeps a pause. Where too many are kept in mind it is left out: what is lost is a question too many.
func (p *backoffSet) put(id session.ID, one backoff, now time.Time) {
	if _, known := p.all[id]; !known && len(p.all) >= maxPauses {
		maps.DeleteFunc(p.all, func(_ session.ID, old backoff) bool { return !now.Before(old.until) })
		if len(p.all) >= maxPauses {
			return
		}
	}
	if p.all == nil {
		p.all = make(map[session.ID]backoff)
	}
	p.all[id] = one
}

// forget ends the pause of a session whose renewal went well.
func (p *backoffSet) forget(id session.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.all, id)
}
