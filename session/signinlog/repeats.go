package signinlog

import (
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

const (
	// repeatWithin is the time in which what repeats becomes one record.
	repeatWithin = time.Minute
	// repeatLook is how often it is looked for what is over.
	repeatLook = 5 * time.Second
	// maxRepeating bounds how many repeats are counted at a time. Where there are more, all are handed on before their time.
	maxRepeating = 10_000
)

// Repeats hands records on to another sink. Of interruptions with the same session, code and app the first in a minute is
// handed on at once; the others come as one record at the end of the minute, with their number (field trial 2.6). A
// person who loads a page again that asks for a step-up, or a client that replays an answer of the provider, fills no log.
// Records of other outcomes are handed on as they are.
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

// NewRepeats returns a sink in front of next. It owns a goroutine until Close. A nil now is time.Now.
func NewRepeats(next Sink, now func() time.Time) *Repeats {
	if now == nil {
		now = time.Now
	}
	r := &Repeats{next: next, now: now, open: map[repeatKey]*repeat{}, stop: make(chan struct{})}
	r.done.Go(r.watch)
	return r
}

// repeats reports whether further records with this code say no more than the first one. An abandoned prompt is counted
// one by one (K20).
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

// take removes repeats, and returns those that stand for something. The caller has the lock.
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

// idSize is bytes of randomness of a record's id.
const idSize = 16

// Sweep hands on what is over.
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

// Close hands on what was counted so far, and ends the sink. Closing it again does nothing.
func (s *Repeats) Close() {
	s.end.Do(func() { close(s.stop) })
	s.done.Wait()
	s.mu.Lock()
	over := s.take(func(*repeat) bool { return true })
	s.mu.Unlock()
	s.hand(over)
}
