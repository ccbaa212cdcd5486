package pages

import "sync"

// recall is a small cache for results that take longer to compute than to look up. It is emptied when it is full, so
// that untrusted keys use limited memory.
type recall[K comparable, V any] struct {
	most int

	mu sync.RWMutex
	by map[K]V
}

func newRecall[K comparable, V any](most int) *recall[K, V] {
	return &recall[K, V]{most: most, by: make(map[K]V)}
}

func (r *recall[K, V]) get(key K) (V, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	v, ok := r.by[key]
	return v, ok
}

func (r *recall[K, V]) put(key K, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.by) >= r.most {
		clear(r.by)
	}
	r.by[key] = v
}
