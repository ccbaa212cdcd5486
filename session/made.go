package session

import "sync"

// maxMade is for how many sessions the record is kept until the first page: a browser asks for that at once.
const maxMade = 256

// madeRecord is the record of a session that was just created here. It is in the place of what a caller keeps with the
// session, so that it takes no space in sessions that are older.
type madeRecord struct{ record *Record }

// newlyMade are the sessions that have such a record. The zero value is ready to use.
type newlyMade struct {
	mu   sync.Mutex
	ring [maxMade]struct {
		session *Session
		made    *any
	}
	next int
}

// keep keeps the record for the first call of Session.Record. It drops that of the oldest session.
func (n *newlyMade) keep(s *Session, record *Record) {
	made := any(&madeRecord{record})
	s.ready.Store(&made)
	n.mu.Lock()
	defer n.mu.Unlock()
	place := &n.ring[n.next]
	n.next = (n.next + 1) % maxMade
	if place.session != nil {
		place.session.ready.CompareAndSwap(place.made, nil)
	}
	place.session, place.made = s, &made
}

// takeMade returns a copy of the record for the first caller, and nil for every other.
func (s *Session) takeMade() *Record {
	v := s.ready.Load()
	if v == nil {
		return nil
	}
	made, ok := (*v).(*madeRecord)
	if !ok || !s.ready.CompareAndSwap(v, nil) {
		return nil
	}
	r := made.record.clone()
	r.Version, r.sealedUnder, r.session = s.version, s.sealedUnder, s
	return r
}
