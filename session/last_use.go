package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// touchQueue is how many last uses can wait to be written. Beyond that they are dropped, and the next use tries
	// again.
	touchQueue = 4096
	// touchTimeout is the timeout of one write of a last use, and at the end of the writing of all that wait.
	touchTimeout = 5 * time.Second
	// maxApps is the longest list of apps for which a session has been used.
	maxApps = 32
)

type touch struct {
	id  ID
	at  time.Time
	app string
}

// lastUses writes when sessions were last used, and ends those that were idle for too long.
type lastUses struct {
	*writer
	queue   chan touch
	writing sync.Map // ID -> time.Time: a write of this last use is in progress
	stop    <-chan struct{}
	done    chan struct{} // closed when the queue is written
	onError func(error)
}

// TouchDue reports whether Touch would write a use at that time, for any app.
func (u *lastUses) TouchDue(s *Session, at time.Time) bool { return s.touchDue(at, u.limits) }

// Touch records that the session is used for an app. It returns at once: the write happens later, outside the request,
// and only if the recorded last use is old enough or the app is new to the session. After Close it does nothing.
func (u *lastUses) Touch(s *Session, app string) {
	now := u.now()
	if !s.touchDue(now, u.limits) && !s.newApp(app) {
		return
	}
	if !u.noteUse(s, now) {
		return
	}
	if u.closed() {
		u.writing.CompareAndDelete(s.ID, now)
		return
	}
	select {
	case u.queue <- touch{id: s.ID, at: now, app: app}:
	default:
		u.writing.CompareAndDelete(s.ID, now)
		u.onError(errTouchQueue)
	}
}

// noteUse reports whether a use must be written. While the write of an earlier use is in progress it need not, unless
// the earlier one is so old that this one is due by itself: a write that hangs in the store must not hide a use.
func (u *lastUses) noteUse(s *Session, now time.Time) bool {
	for {
		waits, busy := u.writing.LoadOrStore(s.ID, now)
		if !busy {
			return true
		}
		use := s.span()
		use.lastUsed = waits.(time.Time)
		if !use.touchDue(now, u.limits) {
			return false
		}
		if u.writing.CompareAndSwap(s.ID, waits, now) {
			return true
		}
	}
}

var (
	errTouchQueue = errors.New("too many last uses wait to be written")
	errTouchClose = errors.New("closed before every last use was written")
)

func (u *lastUses) closed() bool {
	select {
	case <-u.stop:
		return true
	default:
		return false
	}
}

// NewApp reports whether Touch would have to record a new app of the session.
func (s *Record) NewApp(app string) bool {
	return app != "" && len(s.Apps) < maxApps && !slices.Contains(s.Apps, app)
}

func (s *Session) newApp(app string) bool {
	r, err := s.Record()
	return err == nil && r.NewApp(app)
}

func (u *lastUses) run() {
	defer close(u.done)
	for !u.closed() { // checked first: if both are ready, select picks at random
		select {
		case t := <-u.queue:
			u.write(context.Background(), t)
		case <-u.stop:
		}
	}
	u.drain()
}

// drain writes the waiting uses in limited time: a store that does not answer must not delay a reload.
func (u *lastUses) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), touchTimeout)
	defer cancel()
	for {
		select {
		case t := <-u.queue:
			if ctx.Err() != nil {
				u.onError(errTouchClose)
				return
			}
			u.write(ctx, t)
		default:
			return
		}
	}
}

func (u *lastUses) write(ctx context.Context, t touch) {
	defer u.writing.CompareAndDelete(t.id, t.at)
	ctx, cancel := context.WithTimeout(ctx, touchTimeout)
	defer cancel()
	_, err := u.update(ctx, t.id, func(s *Record) bool {
		if s.Check(t.at, u.limits) != nil {
			return false
		}
		changed := false
		// Checked again with the record, because Touch may have had an older copy of the session.
		if s.touchDue(t.at, u.limits) {
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
		u.onError(err)
	}
}

// Use records a use of the session and returns the updated record, for callers that show when it ends. Unlike Touch it
// waits for the store. Like Touch it writes nothing while the recorded last use is recent enough.
func (u *lastUses) Use(ctx context.Context, s *Record) (*Record, error) {
	now := u.now()
	if !s.touchDue(now, u.limits) {
		return s, nil
	}
	used, err := u.update(ctx, s.ID, func(s *Record) bool {
		if u.check(s.session, now) != nil || !s.touchDue(now, u.limits) {
			return false
		}
		s.LastUsed = now.UTC().Truncate(time.Millisecond)
		return true
	})
	if err == nil {
		err = u.check(used.session, now)
	}
	if err != nil {
		if unanswered(err) && !errors.Is(err, ErrExpired) {
			u.onError(err)
		}
		return nil, err
	}
	return used, nil
}

// ErrEndedIdle: this call of EndIdle, and no other, has ended the session. It is an ErrExpired.
var ErrEndedIdle = fmt.Errorf("%w for want of use", ErrExpired)

// EndIdle ends a session that was not used for a time shorter than its own idle limit (T16). The cached last use is not
// enough to decide, because the session may be in use elsewhere: EndIdle reads from the store. If the store has a later
// use, or a later use is about to be written here, it returns the session. ErrEndedIdle: this call has ended it.
// ErrNotFound: it did not exist any more. Another ErrExpired: one of its own limits had passed. After any other error
// it may still live.
func (u *lastUses) EndIdle(ctx context.Context, id ID, idle time.Duration) (*Session, error) {
	s, err := u.refetch(ctx, id)
	if err != nil {
		return nil, err
	}
	last := s.LastUsed()
	if queued, ok := u.writing.Load(id); ok && queued.(time.Time).After(last) {
		last = queued.(time.Time)
	}
	if u.now().Before(last.Add(idle)) {
		return s, nil
	}
	r, err := s.Record()
	if err != nil {
		return nil, err
	}
	if err := u.end(ctx, r); err != nil {
		return nil, err
	}
	return nil, ErrEndedIdle
}
