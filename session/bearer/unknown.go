package bearer

import (
	"sync"
	"time"
)

const (
	// unknownLife is for how long it is remembered at most, twice, that there is no such token of Latchkey, or that a token is
	// not signed by its issuer. No token of Latchkey is made with a text that was presented before: the text is random. A key
	// that an issuer publishes late is not fetched sooner either: see jwks.DefaultForcedEvery.
	unknownLife = 2 * time.Second
	// maxUnknown limits the tokens that are remembered in one generation.
	maxUnknown = 4096
)

// unknown remembers tokens that no one has issued, so that a program that goes on sending one asks the store seldom, and seldom
// has its signature checked. It has two generations, so that nothing has to be searched for what is old. The zero value is ready to use.
type unknown struct {
	mu       sync.Mutex
	now, was map[digest]struct{}
	began    time.Time
}

// has reports whether there was no such token a moment ago.
func (u *unknown) has(of digest, at time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.turn(at)
	_, now := u.now[of]
	_, was := u.was[of]
	return now || was
}

// add remembers that no one has issued a token. A full generation takes no more.
func (u *unknown) add(of digest, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.turn(at)
	if len(u.now) < maxUnknown {
		u.now[of] = struct{}{}
	}
}

func (u *unknown) turn(at time.Time) {
	age := at.Sub(u.began)
	if u.now != nil && age >= 0 && age < unknownLife {
		return
	}
	u.was = u.now
	if age < 0 || age >= 2*unknownLife {
		u.was = nil
	}
	u.now, u.began = map[digest]struct{}{}, at
}
