package site

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// inFlightTick is the interval at which the requests in flight are checked.
const inFlightTick = lastingLook / 2

// inFlight contains the requests that were allowed and are not answered yet. An answer that sends nothing and a body
// that does not arrive never check their session themselves, so a timer does it (field trial 5.10). There is one list
// per process, because a request can outlive its configuration.
var inFlight requestList

// requestList is a list of answers. It costs a request two short locks and no allocation.
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

// watched is an entry of the list.
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

// end removes an answer from the list. After that the list does not touch the connection, which may already serve
// another request.
func (l *revocableWriter) end() {
	if l.ResponseWriter == nil {
		return // begin was not called
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

// look checks the answers until the list is empty.
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

// cut ends everything that the answer can be waiting for: a body that does not arrive, an application that does not
// answer, a client that does not read. The read deadline ends the context of an HTTP/1.1 request, the write deadline
// that of an HTTP/2 request.
func (l *revocableWriter) cut() {
	wire := http.NewResponseController(innermost(l.ResponseWriter))
	_ = wire.SetReadDeadline(time.Now())
	_ = wire.SetWriteDeadline(time.Now())
	if l.cancel != nil {
		l.cancel(errSessionOver)
	}
}
