package wellknown

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// TTL is how long a document is used before it is fetched again.
	TTL = time.Hour
	// Pause is how long a failure counts while no document is known: any client can cause a fetch.
	Pause = 5 * time.Second
	// LongPause is how long an old document is used after a failure.
	LongPause = time.Minute
)

// Kept is a document that is fetched when it is first needed, and again when it is old. While that fails the old one is
// used. The zero value is ready, and safe for concurrent use.
//
// One caller fetches: a server that does not answer delays no other caller for which an old document is known.
type Kept[T any] struct {
	mu      sync.Mutex
	turn    chan struct{} // of capacity one: the caller whose value is in it fetches
	known   *T
	fetched time.Time // of the last success
	tried   time.Time // of the last attempt
	failure error     // of the last attempt
}

// Current returns the document. An error is that of fetch, that of the last fetch if it failed within Pause, or that of the
// context.
func (k *Kept[T]) Current(ctx context.Context, now func() time.Time, fetch func(context.Context) (*T, error)) (*T, error) {
	known, settled, err := k.state(now())
	if settled {
		return known, err
	}
	select {
	case k.turn <- struct{}{}:
	default:
		if known != nil {
			return known, nil
		}
		select {
		case k.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer func() { <-k.turn }()
	if known, settled, err = k.state(now()); settled { // another caller has fetched meanwhile
		return known, err
	}
	found, err := fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err == nil:
		k.known, k.fetched, k.tried, k.failure = found, now(), now(), nil
	case errors.Is(ctx.Err(), context.Canceled) || k.known == nil && ctx.Err() != nil:
		// The caller went away, which says nothing about the server.
	default:
		k.tried, k.failure = now(), err
	}
	if k.known != nil {
		return k.known, nil
	}
	return nil, err
}

// state returns what is known, and whether it is the answer without a fetch.
func (k *Kept[T]) state(now time.Time) (known *T, settled bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.turn == nil {
		k.turn = make(chan struct{}, 1)
	}
	if k.known != nil {
		return k.known, now.Sub(k.fetched) < TTL || now.Sub(k.tried) < LongPause, nil
	}
	return nil, k.failure != nil && now.Sub(k.tried) < Pause, k.failure
}
