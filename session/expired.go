package session

import (
	"context"
	"errors"
	"time"
)

// expiredGrace is how much longer than its limits a record is kept, so that it can be said whose session it was when its
// cookie comes back. It costs room for the sessions that ended within the last day: at most a second day of sign-ins beside
// sessions of the default 24 hours, about 1 % beside persistent ones. A record in this time is no session: Manager holds
// each against its limits as it reads it, lists and counts none, and the listings end when the session would have at the
// latest.
const expiredGrace = 24 * time.Hour

// Limits by which a session ends, in the configuration's words.
const (
	ByIdleLimit   = "idle_limit"
	ByMaxLifetime = "max_lifetime"
)

// Expired is the error of a session that one of its limits has ended, and whose record is still there; it is ErrExpired.
type Expired struct {
	// Session is for saying whose it was. Nothing may be allowed on its account.
	Record *Record
	// Limit is ByIdleLimit or ByMaxLifetime.
	Limit string
	// At is when it ended.
	At time.Time
}

// Error implements error.
func (e *Expired) Error() string { return ErrExpired.Error() }

// Is makes every Expired an ErrExpired.
func (*Expired) Is(target error) bool { return target == ErrExpired }

// forgotten is when the store may forget the record.
func (s *Record) forgotten(now Limits) time.Time { return s.Ends(now).Add(expiredGrace) }

// expired says how a session ended that Check finds expired.
func (s *Record) expired(now Limits) *Expired {
	e := &Expired{Record: s, Limit: ByIdleLimit, At: s.Ends(now)}
	if !e.At.Before(s.MaxEnd(now)) {
		e.Limit = ByMaxLifetime
	}
	return e
}

// EndExpired removes the record of a session that its limits have ended, and reports whether this call did it: of several,
// whatever replica they are made on, exactly one does.
func (m *Manager) EndExpired(ctx context.Context, e *Expired) (first bool, err error) {
	err = m.end(ctx, e.Record)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
