package signinlog

import (
	"context"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

const (
	// maxScan is how many entries one answer looks at.
	maxScan = 10_000
	// chunk is how many it takes from the store at once, if many are likely to be passed over.
	chunk = 500
	// skew is how far the clocks of gateways and store may be apart, within a day and by days.
	skew     = time.Hour
	skewDays = 1
	// lateDays is how many days after its creation an entry may be written: a prompt can be abandoned a day after the
	// sign-in began, and the store can be away.
	lateDays = 2
)

// Read returns the newest entries that match, the newest first. Paging back by cursor, every entry that was there at
// the beginning is seen exactly once, whatever is added meanwhile.
func (l *Log) Read(ctx context.Context, q Query) (Page, error) {
	from := place{day: l.newest()}
	if floor := l.Now().Add(-l.Keep); q.Since.Before(floor) {
		q.Since = floor
	}
	// As createdDateTime is: a time that was read from an entry finds it again.
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
	for d := from.day; d >= dayOf(q.Since)-skewDays; d-- {
		full, err := s.day(ctx, d, from.at, l.Journal.Before)
		if err != nil {
			return Page{}, err
		}
		if full {
			s.page.Cursor = place{d, s.at}.String()
			return s.page, nil
		}
		from.at = journal.Position{}
	}
	return s.page, nil
}

// FollowEnd is the cursor of Follow that stands for now.
const FollowEnd = "end"

// Follow returns entries that were added after the cursor, in the order in which they were added to their day, and the
// cursor to go on with. Every entry is seen exactly once, whichever gateway wrote it.
func (l *Log) Follow(ctx context.Context, q Query) (Page, error) {
	newest := l.newest()
	growing := newest - 1 - skewDays // the first day that a gateway may still write to
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
	known := make(map[day]journal.Position, len(places))
	for _, p := range places {
		known[p.day] = p.at
	}
	s := &scan{log: l, q: &q, left: l.maxScan}
	next := growing
	for d := max(places[0].day, min(l.oldest(), growing)); d <= newest; d++ {
		full, err := s.day(ctx, d, known[d], l.Journal.After)
		if err != nil {
			return Page{}, err
		}
		known[d] = s.at
		if full {
			s.page.More, next = true, min(d, growing)
			break
		}
	}
	s.page.Cursor = cursor(known, next, newest)
	return s.page, nil
}

// last is the end of the log as it is now.
func (l *Log) last(ctx context.Context, growing, newest day) (Page, error) {
	known := map[day]journal.Position{}
	for d := growing; d <= newest; d++ {
		last, err := l.Journal.Before(ctx, d.stream(), journal.Position{}, 1)
		if err != nil {
			return Page{}, err
		}
		if len(last) > 0 {
			known[d] = last[0].Position
		}
	}
	return Page{Cursor: cursor(known, growing, newest)}, nil
}

// cursor lists the places to follow from: the first day, and whatever is known of later ones.
func cursor(known map[day]journal.Position, first, newest day) string {
	places := []place{{first, known[first]}}
	for d := first + 1; d <= newest; d++ {
		if at := known[d]; !at.IsZero() {
			places = append(places, place{d, at})
		}
	}
	return formatPlaces(places)
}

// scan is the work of one answer.
type scan struct {
	log   *Log
	q     *Query
	page  Page
	left  int              // entries that may still be looked at
	floor uint64           // entries that were written before this time, in milliseconds, cannot match
	at    journal.Position // the last one that was looked at of the day
}

type read func(ctx context.Context, stream string, p journal.Position, limit int) ([]journal.Entry, error)

// day looks through the rest of a day. full means that the answer has all that it may have.
func (s *scan) day(ctx context.Context, d day, at journal.Position, from read) (full bool, err error) {
	s.at = at
	for {
		n := chunk
		if !s.q.selective() {
			n = min(n, s.q.limit()-len(s.page.Entries))
		}
		n = min(n, s.left)
		found, err := from(ctx, d.stream(), s.at, n)
		if err != nil {
			return false, err
		}
		for _, sealed := range found {
			if sealed.Position.Milli < s.floor {
				return false, nil
			}
			s.at = sealed.Position
			s.left--
			s.look(d, sealed.Value)
			if len(s.page.Entries) == s.q.limit() {
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

func (s *scan) look(d day, sealed []byte) {
	e, err := s.log.open(d.stream(), sealed)
	switch {
	case err != nil:
		s.page.Unreadable++
	case s.q.matches(&e):
		s.page.Entries = append(s.page.Entries, e)
	}
}
