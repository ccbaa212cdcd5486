package site

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// inFlightTick is how often the clock looks at what is under way.
const inFlightTick = lastingLook / 2

// inFlight are the requests that were allowed and are not answered yet. An answer that sends nothing, and a body that does
// not come, never look at their session themselves, so the clock does (field trial 5.10). The list is one for the process:
// a request may outlive its configuration.
var inFlight requestList

// requestList is a list of answers that costs a request two short locks and no memory.
type requestList struct {
	shards [16]struct {
		mu   sync.Mutex
		head *revocableWriter
		_    [40]byte // a cache line of its own
	}
	count   atomic.Int64
	turns   atomic.Uint32
	looking atomic.Bool
}

// watched is a place in the list.
type watched struct {
	before, after *revocableWriter
	shard         uint32
	listed        bool
	cancel        context.CancelCauseFunc // for HTTP/3, where no deadline ends the context
}

func (q *requestList) add(l *revocableWriter) {
	l.shard = q.turns.Add(1) % uint32(len(q.shards))
	q.count.Add(1)
	s := &q.shards[l.shard]
	s.mu.Lock()
	l.after, l.listed = s.head, true
	if s.head != nil {
		s.head.before = l
	}
	s.head = l
	s.mu.Unlock()
	if !q.looking.Load() && q.looking.CompareAndSwap(false, true) {
		go q.look()
	}
}

// end takes an answer off the list. Nothing touches its connection afterwards: that may serve another request by then.
func (l *revocableWriter) end() {
	if l.ResponseWriter == nil {
		return // never begun
	}
	s := &inFlight.shards[l.shard]
	s.mu.Lock()
	if l.before != nil {
		l.before.after = l.after
	} else {
		s.head = l.after
	}
	if l.after != nil {
		l.after.before = l.before
	}
	l.before, l.after, l.listed = nil, nil, false
	s.mu.Unlock()
	inFlight.count.Add(-1)
	if l.cancel != nil {
		l.cancel(nil)
	}
}

// look goes on as long as there is anything under way.
func (q *requestList) look() {
	tick := time.NewTicker(inFlightTick)
	defer tick.Stop()
	var found []*revocableWriter
	for range tick.C {
		if q.count.Load() == 0 {
			q.looking.Store(false)
			if q.count.Load() == 0 || !q.looking.CompareAndSwap(false, true) {
				return
			}
		}
		now := time.Now().UnixNano()
		for i := range q.shards {
			s := &q.shards[i]
			found = found[:0]
			s.mu.Lock()
			for l := s.head; l != nil; l = l.after {
				if l.over.Load() || l.due.Load() <= now {
					found = append(found, l)
				}
			}
			s.mu.Unlock()
			for _, l := range found {
				if !l.ended() {
					continue
				}
				s.mu.Lock()
				if l.listed {
					l.cut()
				}
				s.mu.Unlock()
			}
		}
		clear(found)
	}
}

// cut ends what the answer waits for: a body that does not come, an application that does not answer, a client that does
// not read. The deadline of reading ends the context of HTTP/1.1, the one of writing that of HTTP/2.
func (l *revocableWriter) cut() {
	wire := http.NewResponseController(innermost(l.ResponseWriter))
	_ = wire.SetReadDeadline(time.Now())
	_ = wire.SetWriteDeadline(time.Now())
	if l.cancel != nil {
		l.cancel(errSessionOver)
	}
}
