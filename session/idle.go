package session

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrEndedIdle: EndIdle has ended the session, this call and no other. It is an ErrExpired.
var ErrEndedIdle = fmt.Errorf("%w for want of use", ErrExpired)

// EndIdle ends a session that nobody has used for a time which is shorter than its own idle limit (T16). What a copy says
// of the last use is not the last word, because the session may be in use elsewhere: the store is asked, and if it knows of
// a later use the session is returned as it is there, and also if one is about to be written here. ErrEndedIdle: this call has
// ended it. ErrNotFound: it was gone already, another ErrExpired: a limit of its own had passed. Any other error says that it
// may still live.
func (m *Manager) EndIdle(ctx context.Context, id ID, idle time.Duration) (*Session, error) {
	l, err := m.fetch(ctx, id, m.cache.get(id.digest()))
	if err == nil {
		err = m.checkLive(l, m.now())
	}
	if err != nil {
		return nil, err
	}
	last := l.LastUsed()
	if queued, ok := m.touching.Load(id); ok && queued.(time.Time).After(last) {
		last = queued.(time.Time)
	}
	if m.now().Before(last.Add(idle)) {
		return l, nil
	}
	s, err := l.Record()
	if err != nil {
		return nil, err
	}
	if err := m.end(ctx, s); err != nil {
		return nil, err
	}
	return nil, ErrEndedIdle
}

// Use notes a use of the session and returns it as it is then, for whoever has to say when it ends. Unlike Touch it waits
// for the store; like Touch it writes nothing while the last use on record is young enough.
func (m *Manager) Use(ctx context.Context, s *Record) (*Record, error) {
	now := m.now()
	if !s.TouchDue(now, m.limits) {
		return s, nil
	}
	used, err := m.update(ctx, s.ID, func(s *Record) bool {
		if m.check(s, now) != nil || !s.TouchDue(now, m.limits) {
			return false
		}
		s.LastUsed = now.UTC().Truncate(time.Millisecond)
		return true
	})
	if err == nil {
		err = m.check(used, now)
	}
	if err != nil {
		if unanswered(err) && !errors.Is(err, ErrExpired) {
			m.onError(err)
		}
		return nil, err
	}
	return used, nil
}
