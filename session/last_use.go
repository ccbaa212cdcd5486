package session

import (
	"context"
	"errors"
	"slices"
	"time"
)

const (
	// touchQueue bounds how many last uses wait to be written; over it they are dropped, and the next use tries again.
	touchQueue = 4096
	// touchTimeout bounds one write of a last use, and at the end the writing of all that still wait.
	touchTimeout = 5 * time.Second
	// maxApps bounds the list of apps that a session has been used for.
	maxApps = 32
)

type touch struct {
	id  ID
	at  time.Time
	app string
}

// TouchDue reports whether Touch would have a use at that time to write, whatever the app.
func (m *Manager) TouchDue(l *Session, at time.Time) bool { return l.touchDue(at, m.limits) }

// Touch notes that the session is used for an app. It returns at once: the write happens later, off the request's
// path, and only if the last use on record is old enough or the app is new to the session. After Close it does nothing.
func (m *Manager) Touch(l *Session, app string) {
	now := m.now()
	if !l.touchDue(now, m.limits) && !l.newApp(app) {
		return
	}
	if !m.noteUse(l, now) {
		return
	}
	if m.closed() {
		m.touching.CompareAndDelete(l.ID, now)
		return
	}
	select {
	case m.touches <- touch{id: l.ID, at: now, app: app}:
	default:
		m.touching.CompareAndDelete(l.ID, now)
		m.onError(errTouchQueue)
	}
}

// noteUse reports whether a use is to be written. It is not while the write of an earlier use is under way, unless the
// earlier one is so old that this one is due on its own: a write that the store keeps waiting must not hide a use.
func (m *Manager) noteUse(l *Session, now time.Time) bool {
	for {
		waits, busy := m.touching.LoadOrStore(l.ID, now)
		if !busy {
			return true
		}
		use := l.span()
		use.lastUsed = waits.(time.Time)
		if !use.touchDue(now, m.limits) {
			return false
		}
		if m.touching.CompareAndSwap(l.ID, waits, now) {
			return true
		}
	}
}

var (
	errTouchQueue = errors.New("too many last uses wait to be written")
	errTouchClose = errors.New("closed before every last use was written")
)

func (m *Manager) closed() bool {
	select {
	case <-m.stop:
		return true
	default:
		return false
	}
}

// NewApp reports whether Touch would have to note that the session is used for an app.
func (s *Record) NewApp(app string) bool {
	return app != "" && len(s.Apps) < maxApps && !slices.Contains(s.Apps, app)
}

func (l *Session) newApp(app string) bool {
	s, err := l.Record()
	return err == nil && s.NewApp(app)
}

func (m *Manager) writeTouches() {
	defer close(m.done)
	for !m.closed() { // asked first: with both ready, select would go on at random
		select {
		case t := <-m.touches:
			m.writeTouch(context.Background(), t)
		case <-m.stop:
		}
	}
	m.drainTouches()
}

// drainTouches writes what waits, in bounded time: a store that does not answer must not hold up a reload.
func (m *Manager) drainTouches() {
	ctx, cancel := context.WithTimeout(context.Background(), touchTimeout)
	defer cancel()
	for {
		select {
		case t := <-m.touches:
			if ctx.Err() != nil {
				m.onError(errTouchClose)
				return
			}
			m.writeTouch(ctx, t)
		default:
			return
		}
	}
}

func (m *Manager) writeTouch(ctx context.Context, t touch) {
	defer m.touching.CompareAndDelete(t.id, t.at)
	ctx, cancel := context.WithTimeout(ctx, touchTimeout)
	defer cancel()
	_, err := m.update(ctx, t.id, func(s *Record) bool {
		if s.Check(t.at, m.limits) != nil {
			return false
		}
		changed := false
		// Asked again of the record: the session that Touch was given may be an older copy.
		if s.TouchDue(t.at, m.limits) {
			s.LastUsed = t.at.UTC().Truncate(time.Millisecond)
			changed = true
		}
		if s.NewApp(t.app) {
			s.Apps = append(s.Apps, t.app)
			changed = true
		}
		return changed
	})
	if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrExpired) {
		m.onError(err)
	}
}
