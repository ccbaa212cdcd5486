package session

import (
	"cmp"
	"errors"
	"time"
)

// ErrExpired: the session existed, but one of its limits has passed.
var ErrExpired = errors.New("session expired")

// Limit is how long a session may live.
type Limit struct {
	// Idle is the idle limit: how long a session lives without use (X4, X5).
	Idle time.Duration
	// Max is the max lifetime: how long it lives in total, however much it is used. Nothing extends it, not even a
	// refresh (A13).
	Max time.Duration
}

// tighter returns the smaller of both limits, field by field.
func (l Limit) tighter(other Limit) Limit {
	return Limit{Idle: min(l.Idle, other.Idle), Max: min(l.Max, other.Max)}
}

// Limits are the currently configured limits of both kinds.
type Limits struct {
	Browser, Persistent Limit
	// Unbound are the limits of a persistent session that is not bound to a device. Zero: those of Persistent.
	Unbound Limit
	// Finest is the shortest idle time on which a policy depends, or after which users are warned; zero if there is
	// none. It ends no session here; it makes last uses be written often enough.
	Finest time.Duration
}

// DefaultLimits: a browser session lives 24 hours idle and 7 days in total, a persistent one 90 and 180 days (X4, X5,
// X6).
var DefaultLimits = Limits{
	Browser:    Limit{Idle: 24 * time.Hour, Max: 7 * 24 * time.Hour},
	Persistent: Limit{Idle: 90 * 24 * time.Hour, Max: 180 * 24 * time.Hour},
}

// orDefaults fills in the default for each value that is zero.
func (l Limits) orDefaults() Limits {
	l.Browser, l.Persistent = l.Browser.or(DefaultLimits.Browser), l.Persistent.or(DefaultLimits.Persistent)
	return l
}

func (l Limit) or(def Limit) Limit {
	return Limit{Idle: cmp.Or(l.Idle, def.Idle), Max: cmp.Or(l.Max, def.Max)}
}

// Of returns the limit of a kind, for sessions that are bound to a device or for those that are not.
func (l Limits) Of(k Kind, bound bool) Limit {
	switch {
	case k == Browser:
		return l.Browser
	case bound:
		return l.Persistent
	}
	return l.Unbound.or(l.Persistent)
}

// Same reports whether all sessions have the same limits, so that the answer to "Stay signed in?" would change no limit.
func (l Limits) Same() bool { return l.Browser == l.Persistent && l.Browser == l.Of(Persistent, false) }

// span is the data from which the end of a session is computed.
type span struct {
	kind              Kind
	bound             bool
	limit             Limit
	created, lastUsed time.Time
}

func (s *Record) span() span {
	return span{kind: s.Kind, bound: s.Binding.Bound(), limit: s.Limit, created: s.Created, lastUsed: s.LastUsed}
}

// ends implements Record.Ends.
func (p *span) ends(now Limits) time.Time {
	limit := p.limit.tighter(now.Of(p.kind, p.bound))
	idle, end := p.lastUsed.Add(limit.Idle), p.created.Add(limit.Max)
	if idle.Before(end) {
		return idle
	}
	return end
}

// maxEnd implements Record.MaxEnd.
func (p *span) maxEnd(now Limits) time.Time {
	return p.created.Add(p.limit.tighter(now.Of(p.kind, p.bound)).Max)
}

// check implements Record.Check.
func (p *span) check(at time.Time, now Limits) error {
	if at.Before(p.ends(now)) {
		return nil
	}
	return ErrExpired
}

// Ends returns when the session ends if it is not used again: the earlier of idle limit and max lifetime. For each, the
// smaller of the value at sign-in and the current value for its kind counts. A configuration can thus only shorten an
// existing session (A74).
func (s *Record) Ends(now Limits) time.Time {
	p := s.span()
	return p.ends(now)
}

// MaxEnd returns when the session ends at the latest, however much it is used.
func (s *Record) MaxEnd(now Limits) time.Time {
	p := s.span()
	return p.maxEnd(now)
}

// Check checks the session against its limits and returns nil or ErrExpired. At the exact time of its end a session has
// ended.
func (s *Record) Check(at time.Time, now Limits) error {
	p := s.span()
	return p.check(at, now)
}

// How often the last use is written: often enough that no user is signed out early by more than a fiftieth of the idle
// limit (for limits under 50 minutes: a minute, or a tenth of the limit), and rarely enough that a busy session causes
// almost no writes.
const (
	touchShare      = 50
	touchMin        = time.Minute
	touchMax        = time.Hour
	touchShareShort = 10
)

// touchDue reports whether the last use on record is old enough to be written again.
func (s *Record) touchDue(at time.Time, now Limits) bool {
	p := s.span()
	return p.touchDue(at, now)
}

func (p *span) touchDue(at time.Time, now Limits) bool {
	idle := p.limit.tighter(now.Of(p.kind, p.bound)).Idle
	if now.Finest > 0 {
		idle = min(idle, now.Finest)
	}
	return !at.Before(p.lastUsed.Add(touchEvery(idle)))
}

func touchEvery(idle time.Duration) time.Duration {
	return min(max(idle/touchShare, touchMin), touchMax, idle/touchShareShort)
}

// expiredGrace is how long a record is kept after the session has ended, so that the user's name is known when the
// cookie comes back. It costs space for the sessions that ended within the last day: at most one more day of sign-ins
// for sessions of the default 24 hours, about 1 % for persistent ones. During this time the record is not a session:
// Manager checks each record against its limits when it reads it, does not list or count such records, and the listings
// end when the session would have ended at the latest.
const expiredGrace = 24 * time.Hour

// The limits that can end a session, in the words of the configuration.
const (
	ByIdleLimit   = "idle_limit"
	ByMaxLifetime = "max_lifetime"
)

// Expired is the error for a session that a limit has ended and whose record still exists. It is an ErrExpired.
type Expired struct {
	// Record is only for showing the user's name. Nothing may be allowed because of it.
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

// forgotten returns when the store may delete the record.
func (s *Record) forgotten(now Limits) time.Time { return s.Ends(now).Add(expiredGrace) }

// expired returns which limit ended a session that Check finds expired.
func (s *Record) expired(now Limits) *Expired {
	e := &Expired{Record: s, Limit: ByIdleLimit, At: s.Ends(now)}
	if !e.At.Before(s.MaxEnd(now)) {
		e.Limit = ByMaxLifetime
	}
	return e
}

// unbind makes a draft one of a session that is not bound, with the limit of its kind. Limit in Binding is what the
// session gets once it is bound.
func (s *Record) unbind(now Limits) {
	s.Binding, s.Limit = Binding{}, now.Of(s.Kind, false)
	if once := now.Of(s.Kind, true); once != s.Limit {
		s.Binding.Limit = once
	}
}

// inherit gives a draft the binding of the session that it replaces, what was reported of its user, and limits that are no
// looser.
func (s *Record) inherit(old *Record, now Limits) {
	s.Signalled.take(old.Signalled)
	if old.Binding.Bound() {
		s.Binding, s.Limit = old.Binding, old.Limit.tighter(now.Of(s.Kind, true))
		return
	}
	s.unbind(now)
	s.Limit = old.Limit.tighter(s.Limit)
	if s.Binding.Limit != (Limit{}) {
		s.Binding.Limit = old.Binding.Limit.or(old.Limit).tighter(s.Binding.Limit)
	}
}
