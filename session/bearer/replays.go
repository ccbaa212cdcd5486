package bearer

import (
	"crypto/sha256"
	"sync"
	"time"
)

// maxReplays limits the proofs that are remembered in one generation. Only clients with a good token and its key get here.
const maxReplays = 1 << 17

// replays remembers the proofs that were used here, for at least as long as they would be accepted. It has two generations of
// that time each, so that nothing has to be searched for what is old. The zero value is ready to use.
type replays struct {
	mu       sync.Mutex
	now, was map[[16]byte]struct{}
	began    time.Time
}

// use takes a proof, and reports whether it was not used before. full: no more proofs can be remembered, so that it is not
// known.
func (r *replays) use(thumbprint, id string, at time.Time) (fresh, full bool) {
	sum := sha256.Sum256([]byte(thumbprint + "\x00" + id))
	key := [16]byte(sum[:16])
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil || at.Sub(r.began) >= proofWindow || at.Before(r.began) {
		r.was = r.now
		if at.Sub(r.began) >= 2*proofWindow {
			r.was = nil
		}
		r.now, r.began = map[[16]byte]struct{}{}, at
	}
	if _, used := r.now[key]; used {
		return false, false
	}
	if _, used := r.was[key]; used {
		return false, false
	}
	if len(r.now) >= maxReplays {
		return false, true
	}
	r.now[key] = struct{}{}
	return true, false
}
