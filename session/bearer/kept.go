package bearer

import (
	"sync"
	"time"
)

const (
	// keptLife is how long a verified token is used before it is verified again: what the issuer's keys or the store say
	// of it counts no later.
	keptLife = 5 * time.Minute
	// maxKept and maxKeptBytes limit the tokens that are kept.
	maxKept      = 8192
	maxKeptBytes = 16 << 20
	// keptOverhead is the memory for one token besides its record.
	keptOverhead = 640
)

// kept are the tokens that were verified, by their hash. A token stays until it ends, but is good only until it must be
// verified again. The zero value is ready to use.
type kept struct {
	mu    sync.RWMutex
	by    map[digest]*Token
	bytes int
}

// get returns a token that need not be verified again; nil if there is none.
func (k *kept) get(of digest, now time.Time) *Token {
	k.mu.RLock()
	t := k.by[of]
	k.mu.RUnlock()
	if t == nil || !now.Before(t.until) {
		return nil
	}
	return t
}

// has reports whether a token was good when it was last verified.
func (k *kept) has(of digest) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.by[of] != nil
}

// put keeps a token that was verified. When it was written into the sign-in log is known from before.
func (k *kept) put(of digest, t *Token, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if old := k.by[of]; old != nil {
		t.logged.Store(old.logged.Load())
		k.remove(of)
	}
	if k.by == nil {
		k.by = map[digest]*Token{}
	}
	size := t.size()
	if len(k.by) >= maxKept || k.bytes+size > maxKeptBytes {
		for other, t := range k.by {
			if !now.Before(t.Expires) {
				k.remove(other)
			}
		}
	}
	for other := range k.by { // in random order
		if len(k.by) < maxKept && k.bytes+size <= maxKeptBytes {
			break
		}
		k.remove(other)
	}
	k.by[of] = t
	k.bytes += size
}

// drop forgets a token that is not good any more.
func (k *kept) drop(of digest) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.remove(of)
}

func (k *kept) remove(of digest) {
	if t := k.by[of]; t != nil {
		k.bytes -= t.size()
		delete(k.by, of)
	}
}

func (t *Token) size() int { return keptOverhead + t.Session.Size() }
