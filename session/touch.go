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
	// touchTimeout bounds one write of a last use.
	touchTimeout = 5 * time.Second
	// maxApps bounds the list of apps that a session has been used for.
	maxApps = 32
)

type touch struct {
	id  ID
	at  time.Time
	app string
}

// Touch notes that the session is used for an app. It returns at once: the write happens later, off the request's
// path, and only if the last use on record is old enough or the app is new to the session.
func (m *Manager) Touch(s *Session, app string) {
	now := m.now()
	if !s.TouchDue(now, m.limits) && !s.newApp(app) {
		return
	}
	if _, busy := m.touching.LoadOrStore(s.ID, struct{}{}); busy {
		return
	}
	select {
	case <-m.stop:
		m.touching.Delete(s.ID)
	case m.touches <- touch{id: s.ID, at: now, app: app}:
	default:
		m.touching.Delete(s.ID)
		m.onError(errTouchQueue)
	}
}

var errTouchQueue = errors.New("too many last uses wait to be written")

func (s *Session) newApp(app string) bool {
	return app != "" && len(s.Apps) < maxApps && !slices.Contains(s.Apps, app)
}

func (m *Manager) writeTouches() {
	defer close(m.done)
	for {
		select {
		case t := <-m.touches:
			m.writeTouch(t)
		case <-m.stop:
			for {
				select {
				case t := <-m.touches:
					m.writeTouch(t)
				default:
					return
				}
			}
		}
	}
}

func (m *Manager) writeTouch(t touch) {
	defer m.touching.Delete(t.id)
	ctx, cancel := context.WithTimeout(context.Background(), touchTimeout)
	defer cancel()
	_, err := m.update(ctx, t.id.Key(), func(s *Session) bool {
		changed := false
		if t.at.After(s.LastUsed) && s.Check(t.at, m.limits) == nil {
			s.LastUsed = t.at.UTC()
			changed = true
		}
		if s.newApp(t.app) {
			s.Apps = append(s.Apps, t.app)
			changed = true
		}
		return changed
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		m.onError(err)
	}
}
