package signinlog

import (
	"errors"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// ErrCursor: a cursor that no answer of this log can have held.
var ErrCursor = errors.New("not a cursor of the sign-in log")

// MaxLimit is the largest number of entries in one answer, DefaultLimit that of an answer to a query without a limit.
const (
	MaxLimit     = 1000
	DefaultLimit = 100
)

// Query says which entries are wanted: those that match every field that is set.
type Query struct {
	// User is a user name in any case, or a user id, or a subject, byte for byte.
	User string
	// App and Correlation match byte for byte. Status is success, failure or interrupted.
	App, Correlation, Status string
	Code                     *Code
	// Since and Until bound createdDateTime; Until itself is not included.
	Since, Until time.Time
	// Limit is how many entries are wanted at most; default DefaultLimit, at most MaxLimit.
	Limit int
	// Cursor is where an earlier answer ended.
	Cursor string
}

func (q *Query) limit() int {
	if q.Limit <= 0 {
		return DefaultLimit
	}
	return min(q.Limit, MaxLimit)
}

// selective reports whether entries are likely to be passed over.
func (q *Query) selective() bool {
	return q.User != "" || q.App != "" || q.Correlation != "" || q.Status != "" || q.Code != nil || !q.Until.IsZero()
}

func (q *Query) matches(e *Entry) bool {
	switch {
	case q.User != "" && !strings.EqualFold(q.User, e.UserName) && q.User != e.UserID() && q.User != e.UserSubject:
	case q.App != "" && q.App != e.App:
	case q.Correlation != "" && q.Correlation != e.CorrelationID:
	case q.Status != "" && q.Status != e.Status:
	case q.Code != nil && *q.Code != e.Code:
	case !q.Since.IsZero() && e.Created.Before(q.Since):
	case !q.Until.IsZero() && !e.Created.Before(q.Until):
	default:
		return true
	}
	return false
}

// Page is an answer.
type Page struct {
	Entries []Entry
	// Cursor is where the rest begins. From Read: empty once there is no rest; an answer may be short, or empty, and
	// have a cursor all the same, for the work of one answer is bounded. From Follow: never empty.
	Cursor string
	// More: there is a rest already. From Follow alone.
	More bool
	// Unreadable counts entries that no key of the ring opens, or that are not records.
	Unreadable int
}

// stretch is a part of a day: what has a stream of its own.
type stretch struct {
	day  day
	part part
}

func (s stretch) stream() string { return s.day.stream(s.part) }

// before reports whether a cursor names s before other.
func (s stretch) before(other stretch) bool {
	return s.day < other.day || s.day == other.day && s.part < other.part
}

// place is where an entry is in the whole log.
type place struct {
	stretch
	at journal.Position
}

const placeSeparator, placesSeparator, unsuccessfulMark = ".", "~", "u"

func (p place) String() string {
	mark := ""
	if p.part == unsuccessful {
		mark = unsuccessfulMark
	}
	return p.day.String() + mark + placeSeparator + p.at.String()
}

func parsePlace(s string) (place, error) {
	date, at, _ := strings.Cut(s, placeSeparator)
	in := succeeded
	if rest, marked := strings.CutSuffix(date, unsuccessfulMark); marked {
		date, in = rest, unsuccessful
	}
	t, err := time.Parse(time.DateOnly, date)
	if err != nil || dayOf(t).String() != date {
		return place{}, ErrCursor
	}
	p, err := journal.ParsePosition(at)
	if err != nil {
		return place{}, ErrCursor
	}
	return place{stretch{dayOf(t), in}, p}, nil
}

// maxPlaces bounds the cursor of Follow: it names the days that may still grow, and the ones in between, each in its parts.
const maxPlaces = 8 * int(parts)

func formatPlaces(places []place) string {
	texts := make([]string, len(places))
	for i, p := range places {
		texts[i] = p.String()
	}
	return strings.Join(texts, placesSeparator)
}

func parsePlaces(s string) ([]place, error) {
	texts := strings.Split(s, placesSeparator)
	if len(texts) > maxPlaces {
		return nil, ErrCursor
	}
	places := make([]place, len(texts))
	for i, text := range texts {
		p, err := parsePlace(text)
		if err != nil {
			return nil, err
		}
		if i > 0 && !places[i-1].before(p.stretch) {
			return nil, ErrCursor
		}
		places[i] = p
	}
	return places, nil
}
