package session

import (
	"context"
	"sync"
)

// LocalFeed is a Feed among those who hold the same LocalFeed: for a store that one process has for itself, in which a
// change of the configuration puts a second manager beside the first. The zero value is ready. It loses nothing.
type LocalFeed struct {
	mu        sync.Mutex
	listeners map[*listener]struct{}
}

type listener struct {
	mu sync.Mutex
	on func(string)
}

// Publish implements Feed. The message has been heard by all when it returns.
func (f *LocalFeed) Publish(_ context.Context, message string) error {
	f.mu.Lock()
	all := make([]*listener, 0, len(f.listeners))
	for l := range f.listeners {
		all = append(all, l)
	}
	f.mu.Unlock()
	for _, l := range all {
		l.mu.Lock()
		l.on(message)
		l.mu.Unlock()
	}
	return nil
}

// Subscribe implements Feed. It ends with ctx.
func (f *LocalFeed) Subscribe(ctx context.Context, on func(string), gap func()) error {
	l := &listener{on: on}
	l.mu.Lock() // no message before the gap
	f.mu.Lock()
	if f.listeners == nil {
		f.listeners = map[*listener]struct{}{}
	}
	f.listeners[l] = struct{}{}
	f.mu.Unlock()
	gap()
	l.mu.Unlock()
	<-ctx.Done()
	f.mu.Lock()
	delete(f.listeners, l)
	f.mu.Unlock()
	return ctx.Err()
}

var _ Feed = (*LocalFeed)(nil)
