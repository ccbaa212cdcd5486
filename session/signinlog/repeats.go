package signinlog

import (
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

const (
	// repeatWithin is the period in which repeated records are merged.
	repeatWithin = time.Minute
	// repeatLook is how often ended periods are looked for.
	repeatLook = 5 * time.Second
	// maxRepeating is how many repeats are counted at a time. If there are more, all are passed on early.
	maxRepeating = 10_000
)

// Repeats passes records on to another sink. For interruptions with the same session, code and app, it passes the first
// one on at once, and the others as one record at the end of the minute, with their number (field trial 2.6). So a user
// who reloads a page that demands a step-up, or a client that replays an answer of the provider, does not fill the log.
// Records of other outcomes are passed on unchanged.
type Repeats struct {
	next Sink
	now  func() time.Time

	mu   sync.Mutex
	open map[repeatKey]*repeat
	stop chan struct{}
	end  sync.Once
	done sync.WaitGroup
}

type repeatKey struct {
	session, user, ip, app string
	code                   Code
}

type repeat struct {
	last  Record
	count int
	until time.Time
}

// NewRepeats returns a sink in front of next. It runs a goroutine until Close. A nil now means time.Now.
func NewRepeats(next Sink, now func() time.Time) *Repeats {
	if now == nil {
		now = time.Now
	}
	r := &Repeats{next: next, now: now, open: map[repeatKey]*repeat{}, stop: make(chan struct{})}
	r.done.Go(r.watch)
	return r
}

// repeats reports whether further records with this code add no information to the first one. Each abandoned prompt is
// counted (K20).
func repeats(c Code) bool {
	switch c {
	case KeepMeSignedIn:
		return false
	case CodeRedeemed, FlowExpired, LoopDetected:
		return true
	}
	return c.Status() == StatusInterrupted
}

// Write implements Sink.
func (s *Repeats) Write(r Record) {
	if !repeats(r.Code) || r.InitiatedBy != nil {
		s.next.Write(r)
		return
	}
	key := repeatKey{session: r.SessionID, app: r.App, code: r.Code}
	if r.SessionID == "" {
		key.user, key.ip = r.UserID(), r.IP
	}
	now := s.now()
	s.mu.Lock()
	known := s.open[key]
	if known != nil && now.Before(known.until) {
		known.last, known.count = r, known.count+1
		s.mu.Unlock()
		return
	}
	var over []*repeat
	switch {
	case len(s.open) >= maxRepeating:
		over = s.take(func(*repeat) bool { return true })
	case known != nil && known.count > 0:
		over = []*repeat{known}
	}
	s.open[key] = &repeat{until: now.Add(repeatWithin)}
	s.mu.Unlock()
	s.hand(over)
	s.next.Write(r)
}

// Prepare implements Preparer by the next sink, for a record that is passed on at once.
func (s *Repeats) Prepare(r *Record) *session.Appended {
	if p, ok := s.next.(Preparer); ok && !repeats(r.Code) {
		return p.Prepare(r)
	}
	return nil
}

// take removes repeats, and returns those with a count. The caller holds the lock.
func (s *Repeats) take(which func(*repeat) bool) (over []*repeat) {
	for key, rep := range s.open {
		if which(rep) {
			delete(s.open, key)
			if rep.count > 0 {
				over = append(over, rep)
			}
		}
	}
	return over
}

func (s *Repeats) hand(over []*repeat) {
	for _, rep := range over {
		rep.last.ID, rep.last.Repeats = session.NewRandom(idSize), rep.count
		s.next.Write(rep.last)
	}
}

// idSize is the number of random bytes in a record's ID.
const idSize = 16

// Sweep passes on the records of ended periods.
func (s *Repeats) Sweep() {
	now := s.now()
	s.mu.Lock()
	over := s.take(func(rep *repeat) bool { return !now.Before(rep.until) })
	s.mu.Unlock()
	s.hand(over)
}

func (s *Repeats) watch() {
	ticker := time.NewTicker(repeatLook)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.Sweep()
		case <-s.stop:
			return
		}
	}
}

// Close passes on what was counted so far, and ends the sink. A second call does nothing.
func (s *Repeats) Close() {
	s.end.Do(func() { close(s.stop) })
	s.done.Wait()
	s.mu.Lock()
	over := s.take(func(*repeat) bool { return true })
	s.mu.Unlock()
	s.hand(over)
}
