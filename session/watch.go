package session

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// watchTick is how often sessions with open streams are looked at, beside what the feed tells: how late a limit that
// has passed is noticed.
const watchTick = 500 * time.Millisecond

// watches are the streams that are open, by session.
type watches struct {
	mu     sync.Mutex
	open   map[digest]map[*watch]struct{}
	nudged map[digest]struct{} // something was said about it
	all    bool                // something was said about all of them
	wake   chan struct{}
}

type watch struct {
	id     ID
	app    string
	cancel func(error)
	seen   atomic.Int64 // when it was last known to be good, in nanoseconds since 1970: two managers may look at a time
}

// Watch calls cancel, once, when the session is over or no longer good for the app: for whoever holds something open
// for it, longer than a request. It goes on when the manager is closed, if another has its cache. stop ends the watch.
func (m *Manager) Watch(s *Session, app string, cancel func(error)) (stop func()) {
	d, w := s.ID.digest(), &watch{id: s.ID, app: app, cancel: cancel}
	w.seen.Store(m.now().UnixNano())
	all := &m.cache.watches
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.open[d] == nil {
		all.open[d] = map[*watch]struct{}{}
	}
	all.open[d][w] = struct{}{}
	all.nudge(d) // it may have ended between the look-up and here
	return func() {
		all.mu.Lock()
		defer all.mu.Unlock()
		all.remove(d, w)
	}
}

func (all *watches) remove(d digest, w *watch) {
	delete(all.open[d], w)
	if len(all.open[d]) == 0 {
		delete(all.open, d)
	}
}

// nudge has a session looked at soon, if anything is open for it. The lock is held.
func (all *watches) nudge(d digest) {
	if _, ok := all.open[d]; !ok {
		return
	}
	all.nudged[d] = struct{}{}
	all.rouse()
}

func (all *watches) rouse() {
	select {
	case all.wake <- struct{}{}:
	default:
	}
}

func (all *watches) changed(d digest) {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.nudge(d)
}

func (all *watches) doubted() {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.all = len(all.open) > 0; all.all {
		all.rouse()
	}
}

// watch looks after open streams until ctx ends.
func (m *Manager) watch(ctx context.Context) {
	tick := time.NewTicker(watchTick)
	defer tick.Stop()
	for {
		everything := false
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			everything = true
		case <-m.cache.watches.wake:
		}
		for d, list := range m.cache.watches.due(everything) {
			m.look(ctx, d, list)
		}
	}
}

func (all *watches) due(everything bool) map[digest][]*watch {
	all.mu.Lock()
	defer all.mu.Unlock()
	if len(all.open) == 0 {
		return nil
	}
	due := map[digest][]*watch{}
	for d, open := range all.open {
		if _, nudged := all.nudged[d]; !nudged && !all.all && !everything {
			continue
		}
		for w := range open {
			due[d] = append(due[d], w)
		}
	}
	clear(all.nudged)
	all.all = false
	return due
}

// look holds what is open for one session against what is known of it now, as for a request.
func (m *Manager) look(ctx context.Context, d digest, list []*watch) {
	now := m.now()
	s, err := m.loadID(ctx, list[0].id)
	for _, w := range list {
		over := err
		switch {
		case err == nil && !m.Admits(s, w.app):
			over = ErrNotFound
		case err == nil:
			w.seen.Store(now.UnixNano())
			continue
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrExpired):
		case now.UnixNano()-w.seen.Load() < int64(max(m.grace, m.recheck, askTimeout)):
			continue // not an answer
		}
		all := &m.cache.watches
		all.mu.Lock()
		_, open := all.open[d][w]
		all.remove(d, w)
		all.mu.Unlock()
		if open {
			w.cancel(over)
		}
	}
}

// Still reports what Load would say of a session now, and whether it is still good for the app: ErrNotFound if not.
func (m *Manager) Still(ctx context.Context, s *Session, app string) error {
	now, err := m.loadID(ctx, s.ID)
	if err == nil && !m.Admits(now, app) {
		err = ErrNotFound
	}
	return err
}
