package bound

import (
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

const (
	// maxRefusals is how many refusals in a row a browser gets. With one more Chromium 156 ends its session.
	maxRefusals = 3
	// inARow is within which time a refusal follows another. A browser tries again at once.
	inARow = 20 * time.Second
	// maxRemembered bounds each of the two memories.
	maxRemembered = 1 << 16
)

// attempts is what this process knows of the refreshes of the last minutes.
type attempts struct {
	mu sync.Mutex
	// refused is how often sessions were refused in a row, used which challenges were answered, until they end.
	refused map[session.ID]refusals
	used    map[string]time.Time
}

type refusals struct {
	count uint8
	last  time.Time
}

func newAttempts() *attempts {
	return &attempts{refused: map[session.ID]refusals{}, used: map[string]time.Time{}}
}

// refuse counts a refusal of a session, and reports whether it may be told. known is the count that the browser itself
// brings, from another replica. After one that may not be told the count begins again.
func (a *attempts) refuse(id session.ID, known uint8, now time.Time) (count uint8, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.refused[id]
	if age := now.Sub(r.last); age < 0 || age >= inARow {
		r.count = 0
	}
	if r.count = max(r.count, known) + 1; r.count > maxRefusals {
		delete(a.refused, id)
		return 0, false
	}
	if len(a.refused) >= maxRemembered {
		clear(a.refused) // a browser is refused three times more at worst
	}
	r.last = now
	a.refused[id] = r
	return r.count, true
}

// accepted ends a row of refusals.
func (a *attempts) accepted(id session.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.refused, id)
}

// use notes that a challenge was answered, and reports whether that is the first time here. It is for the time in which
// the store cannot be asked; else the store decides for all replicas.
func (a *attempts) use(challenge string, ends, now time.Time) (first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, twice := a.used[challenge]; twice {
		return false
	}
	if len(a.used) >= maxRemembered {
		for c, end := range a.used {
			if !now.Before(end) {
				delete(a.used, c)
			}
		}
		if len(a.used) >= maxRemembered {
			return false
		}
	}
	a.used[challenge] = ends
	return true
}
