package session

import (
	"cmp"
	"errors"
	"time"
)

// ErrExpired: the session was there, but one of its limits has passed.
var ErrExpired = errors.New("session expired")

// Limit is how long a session may live.
type Limit struct {
	// Idle is the idle limit: how long a session lives without being used (X4, X5).
	Idle time.Duration
	// Max is the max lifetime: how long it lives however much it is used. Nothing moves it, no refresh either (A13).
	Max time.Duration
}

// tighter returns the smaller of both limits, field by field.
func (l Limit) tighter(other Limit) Limit {
	return Limit{Idle: min(l.Idle, other.Idle), Max: min(l.Max, other.Max)}
}

// Limits are the limits of both kinds, as configured now.
type Limits struct {
	Browser, Persistent Limit
	// Finest is the shortest time without use that a policy asks about or people are warned after; zero if there is none. No
	// session ends by it here; last uses are written often enough for it.
	Finest time.Duration
}

// DefaultLimits: a browser session 24 hours idle and 7 days in all, a persistent one 90 and 180 days (X4, X5, X6).
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

// Of returns the limit of a kind.
func (l Limits) Of(k Kind) Limit {
	if k == Persistent {
		return l.Persistent
	}
	return l.Browser
}

// Same reports whether the two kinds live equally long, so that asking "Stay signed in?" would change no limit.
func (l Limits) Same() bool { return l.Browser == l.Persistent }

// span is what the life of a session is measured by.
type span struct {
	kind              Kind
	limit             Limit
	created, lastUsed time.Time
}

func (s *Record) span() span {
	return span{kind: s.Kind, limit: s.Limit, created: s.Created, lastUsed: s.LastUsed}
}

// ends is Record.Ends.
func (p *span) ends(now Limits) time.Time {
	limit := p.limit.tighter(now.Of(p.kind))
	idle, end := p.lastUsed.Add(limit.Idle), p.created.Add(limit.Max)
	if idle.Before(end) {
		return idle
	}
	return end
}

// maxEnd is Record.MaxEnd.
func (p *span) maxEnd(now Limits) time.Time {
	return p.created.Add(p.limit.tighter(now.Of(p.kind)).Max)
}

// check is Record.Check.
func (p *span) check(at time.Time, now Limits) error {
	if at.Before(p.ends(now)) {
		return nil
	}
	return ErrExpired
}

// Ends returns when the session ends if it is not used again: the earlier of idle limit and max lifetime, each the
// smaller of what was in force at sign-in and what is in force now for its kind. A configuration can thus only shrink
// a live session (A74).
func (s *Record) Ends(now Limits) time.Time {
	p := s.span()
	return p.ends(now)
}

// MaxEnd returns when the session ends at the latest, however much it is used.
func (s *Record) MaxEnd(now Limits) time.Time {
	p := s.span()
	return p.maxEnd(now)
}

// Check holds the session against its limits: nil or ErrExpired. An end that is reached has passed.
func (s *Record) Check(at time.Time, now Limits) error {
	p := s.span()
	return p.check(at, now)
}

// Bounds of how often last use is written: often enough that nobody is signed out early by more than a fiftieth of the
// idle limit (for limits under 50 minutes: a minute, or a tenth of the limit), seldom enough that a busy session costs
// next to no writes.
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
	idle := p.limit.tighter(now.Of(p.kind)).Idle
	if now.Finest > 0 {
		idle = min(idle, now.Finest)
	}
	return !at.Before(p.lastUsed.Add(touchEvery(idle)))
}

func touchEvery(idle time.Duration) time.Duration {
	return min(max(idle/touchShare, touchMin), touchMax, idle/touchShareShort)
}

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
