package accesstoken

import (
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

const (
	// maxHeld and maxHeldBytes limit the tokens in memory. What does not fit is opened or exchanged again.
	maxHeld      = 20_000
	maxHeldBytes = 64 << 20
	// sweepEvery is how often tokens that have ended are removed.
	sweepEvery = time.Minute
)

// place names a token in memory: the session, and the parameters of the exchange; empty for the session's own token.
type place struct {
	id       session.ID
	exchange string
}

// held are opened tokens, so that most requests decrypt nothing. A token is removed when its session ends, as far as this
// process learns of it, and at its own end. That is for tidiness: a token is only looked up for a session that was
// authenticated just before. The zero value is ready to use once most and mostBytes are set.
type held struct {
	most, mostBytes int

	mu    sync.RWMutex
	known map[place]*one
	// of are the places of a session, by its key in the store: that is how its end is reported.
	of    map[session.Key][]place
	bytes int
	swept time.Time
}

// one is a token in memory.
type one struct {
	// header is the value of Authorization: a scheme and the token.
	header string
	// look is when the token is looked at again, ends when it must not be used any more.
	look, ends time.Time
	key        session.Key
}

const scheme = "Bearer "

// get returns a token that need not be looked at again.
func (h *held) get(p place, now time.Time) (header string, ok bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if o := h.known[p]; o != nil && now.Before(o.look) && now.Before(o.ends) {
		return o.header, true
	}
	return "", false
}

// last returns a token that may still be used, even if it is to be looked at again.
func (h *held) last(p place, now time.Time) (header string, ok bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if o := h.known[p]; o != nil && now.Before(o.ends) {
		return o.header, true
	}
	return "", false
}

// put keeps a token, in place of the one before. It makes room by removing others.
func (h *held) put(p place, o *one, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil {
		h.known, h.of = map[place]*one{}, map[session.Key][]place{}
	}
	h.remove(p)
	if now.Sub(h.swept) >= sweepEvery {
		h.swept = now
		for p, o := range h.known {
			if !now.Before(o.ends) {
				h.remove(p)
			}
		}
	}
	if len(o.header) > h.mostBytes {
		return
	}
	for len(h.known) >= h.most || h.bytes+len(o.header) > h.mostBytes {
		for p := range h.known { // any
			h.remove(p)
			break
		}
	}
	o.key = p.id.Key()
	h.known[p] = o
	h.of[o.key] = append(h.of[o.key], p)
	h.bytes += len(o.header)
}

// remove forgets a token. The lock is held.
func (h *held) remove(p place) {
	o := h.known[p]
	if o == nil {
		return
	}
	delete(h.known, p)
	h.bytes -= len(o.header)
	rest := h.of[o.key][:0]
	for _, other := range h.of[o.key] {
		if other != p {
			rest = append(rest, other)
		}
	}
	if h.of[o.key] = rest; len(rest) == 0 {
		delete(h.of, o.key)
	}
}

// drop forgets all tokens of a session.
func (h *held) drop(key session.Key) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range append([]place(nil), h.of[key]...) {
		h.remove(p)
	}
}

// size returns how many tokens are in memory.
func (h *held) size() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.known)
}
