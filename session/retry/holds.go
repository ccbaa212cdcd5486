package retry

import (
	"maps"
	"sync"
	"time"
)

// Holds keeps for each of some keys until when it is held off, and why. It is safe for concurrent use, and ready once Most
// is set.
//
// A time that is over is not removed at once: the next failure of the same key may count from it. It goes when a new key
// needs its place.
type Holds[K comparable, V any] struct {
	// Most is how many keys are kept. A new key beyond that is left out while all others last: what is lost is a try too
	// many.
	Most int

	mu  sync.Mutex
	all map[K]Hold[V]
}

// Hold is what Holds keeps of a key.
type Hold[V any] struct {
	Until time.Time
	Value V
}

// Get returns what is kept of a key, and whether it lasts at now. What is over may be returned or already gone.
func (h *Holds[K, V]) Get(key K, now time.Time) (Hold[V], bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	one := h.all[key]
	return one, now.Before(one.Until)
}

// Update puts what change makes of what is kept of a key, the zero Hold if nothing is. change must not call h.
func (h *Holds[K, V]) Update(key K, now time.Time, change func(Hold[V]) Hold[V]) {
	h.mu.Lock()
	defer h.mu.Unlock()
	old, known := h.all[key]
	if !known && len(h.all) >= h.Most {
		maps.DeleteFunc(h.all, func(_ K, one Hold[V]) bool { return !now.Before(one.Until) })
		if len(h.all) >= h.Most {
			return
		}
	}
	if h.all == nil {
		h.all = map[K]Hold[V]{}
	}
	h.all[key] = change(old)
}

// Delete forgets a key.
func (h *Holds[K, V]) Delete(key K) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.all, key)
}
