package signinlog

import (
	"context"
	"math"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

const (
	// maxScan is how many entries one answer reads at most.
	maxScan = 10_000
	// chunk is how many entries are read at once if many are likely not to match.
	chunk = 500
	// skew is by how much the clocks of gateways and store may differ, within a day and in days.
	skew     = time.Hour
	skewDays = 1
	// lateDays is how many days after its creation an entry may be written: a prompt can be abandoned a day after the
	// sign-in began, and the store can be unavailable.
	lateDays = 2
)

// Read returns the newest matching entries, newest first. When a caller pages back by cursor, it gets every entry that
// existed at the beginning exactly once, even if others are added.
func (l *Log) Read(ctx context.Context, q Query) (Page, error) {
	from := place{stretch: stretch{day: l.newest()}}
	if floor := l.Now().Add(-l.Keep); q.Since.Before(floor) {
		q.Since = floor
	}
	// createdDateTime is in milliseconds, so a time that was read from an entry finds it again.
	q.Since, q.Until = q.Since.Truncate(time.Millisecond), q.Until.Truncate(time.Millisecond)
	if !q.Until.IsZero() {
		from.day = min(from.day, dayOf(q.Until)+lateDays+skewDays)
	}
	if q.Cursor != "" {
		var err error
		if from, err = parsePlace(q.Cursor); err != nil {
			return Page{}, err
		}
		if from.day > l.newest()+skewDays {
			return Page{}, ErrCursor
		}
	}
	s := &scan{log: l, q: &q, left: l.maxScan, floor: uint64(max(0, q.Since.Add(-skew).UnixMilli()))} //nolint:gosec // not negative
	for from.day >= dayOf(q.Since)-skewDays {
		full, err := s.back(ctx, from)
		if err != nil {
			return Page{}, err
		}
		if full {
			s.page.Cursor = s.last.String()
			return s.page, nil
		}
		from = place{stretch: stretch{day: from.day - 1}}
	}
	return s.page, nil
}

// FollowEnd is the cursor of Follow that means now.
const FollowEnd = "end"

// Follow returns entries that were added after the cursor, in the order in which they were added to their part of their
// day, and the next cursor. Every entry is returned exactly once, whichever gateway wrote it.
func (l *Log) Follow(ctx context.Context, q Query) (Page, error) {
	newest := l.newest()
	growing := newest - 1 - skewDays // the first day to which a gateway may still write
	if q.Cursor == FollowEnd {
		return l.last(ctx, growing, newest)
	}
	places, err := parsePlaces(q.Cursor)
	if err != nil {
		return Page{}, err
	}
	if last := places[len(places)-1].day; last > newest {
		if last > newest+skewDays {
			return Page{}, ErrCursor
		}
		newest = last
	}
	known := make(map[stretch]journal.Position, len(places))
	for _, p := range places {
		known[p.stretch] = p.at
	}
	s := &scan{log: l, q: &q, left: l.maxScan}
	next := growing
	for d := max(places[0].day, min(l.oldest(), growing)); d <= newest && !s.page.More; d++ {
		for p := range parts {
			in := stretch{d, p}
			full, err := s.forth(ctx, place{in, known[in]})
			if err != nil {
				return Page{}, err
			}
			known[in] = s.last.at
			if full {
				s.page.More, next = true, min(d, growing)
				break
			}
		}
	}
	s.page.Cursor = cursor(known, next, newest)
	return s.page, nil
}

// last returns the current end of the log.
func (l *Log) last(ctx context.Context, growing, newest day) (Page, error) {
	known := map[stretch]journal.Position{}
	for d := growing; d <= newest; d++ {
		for p := range parts {
			in := stretch{d, p}
			last, err := l.Journal.Before(ctx, in.stream(), journal.Position{}, 1)
			if err != nil {
				return Page{}, err
			}
			if len(last) > 0 {
				known[in] = last[0].Position
			}
		}
	}
	return Page{Cursor: cursor(known, growing, newest)}, nil
}

// cursor lists the places to follow from: the first day, and the known places of later days.
func cursor(known map[stretch]journal.Position, first, newest day) string {
	var places []place
	for d := first; d <= newest; d++ {
		for p := range parts {
			in := stretch{d, p}
			if at := known[in]; !at.IsZero() || len(places) == 0 {
				places = append(places, place{in, at})
			}
		}
	}
	return formatPlaces(places)
}

// scan is the state of one answer.
type scan struct {
	log   *Log
	q     *Query
	page  Page
	left  int    // number of entries that may still be read
	floor uint64 // entries written before this time, in milliseconds, cannot match
	last  place  // of the last entry that was read
}

// want returns how many entries to read at once.
func (s *scan) want() int {
	n := chunk
	if !s.q.selective() {
		n = min(n, s.q.limit()-len(s.page.Entries))
	}
	return min(n, s.left)
}

// forth reads the rest of a part of a day, oldest first. full means that the answer is complete.
func (s *scan) forth(ctx context.Context, from place) (full bool, err error) {
	s.last = from
	for {
		n := s.want()
		found, err := s.log.Journal.After(ctx, from.stream(), s.last.at, n)
		if err != nil {
			return false, err
		}
		for _, sealed := range found {
			if s.look(place{from.stretch, sealed.Position}, sealed.Value) {
				return true, nil
			}
		}
		if s.left == 0 {
			return true, nil
		}
		if len(found) < n {
			return false, nil
		}
	}
}

// back reads the rest of a day in all its parts at once, newest first.
func (s *scan) back(ctx context.Context, from place) (full bool, err error) {
	var sources [parts]source
	for p := range parts {
		sources[p] = source{stretch: stretch{from.day, p}, at: from.endOf(p)}
	}
	for {
		var newest *source
		for i := range sources {
			if err := sources[i].fill(ctx, s); err != nil {
				return false, err
			}
			if len(sources[i].found) > 0 && (newest == nil || sources[i].found[0].Position.Compare(newest.found[0].Position) > 0) {
				newest = &sources[i]
			}
		}
		if newest == nil {
			return false, nil
		}
		sealed := newest.found[0]
		newest.found = newest.found[1:]
		if s.look(place{newest.stretch, sealed.Position}, sealed.Value) {
			return true, nil
		}
	}
}

// source is the unread rest of a part of a day.
type source struct {
	stretch
	at    journal.Position // where to continue in the store
	found []journal.Entry
	ended bool
}

func (o *source) fill(ctx context.Context, s *scan) error {
	if len(o.found) > 0 || o.ended {
		return nil
	}
	n := s.want()
	found, err := s.log.Journal.Before(ctx, o.stream(), o.at, n)
	if err != nil {
		return err
	}
	o.ended = len(found) < n
	for i, sealed := range found {
		if sealed.Position.Milli < s.floor {
			o.ended, found = true, found[:i]
			break
		}
	}
	if o.found = found; len(found) > 0 {
		o.at = found[len(found)-1].Position
	}
	return nil
}

// endOf returns where to continue in a part of the day after place, going back: entries with the same position are in
// the order of the parts.
func (p place) endOf(in part) journal.Position {
	if p.at.IsZero() || in <= p.part {
		return p.at
	}
	if p.at.Seq == math.MaxUint64 {
		return journal.Position{Milli: p.at.Milli + 1}
	}
	return journal.Position{Milli: p.at.Milli, Seq: p.at.Seq + 1}
}

// look adds an entry to the answer if it matches, and reports whether the answer is complete.
func (s *scan) look(at place, sealed []byte) (full bool) {
	s.last = at
	s.left--
	e, err := s.log.open(at.stream(), sealed)
	switch {
	case err != nil:
		s.page.Unreadable++
	case s.q.matches(&e):
		s.page.Entries = append(s.page.Entries, e)
	}
	return s.left == 0 || len(s.page.Entries) == s.q.limit()
}
