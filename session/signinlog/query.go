package signinlog

import (
	"errors"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// ErrCursor: the cursor is not one that this log can have returned.
var ErrCursor = errors.New("not a cursor of the sign-in log")

// MaxLimit is the largest number of entries in one answer; DefaultLimit applies to a query without a limit.
const (
	MaxLimit     = 1000
	DefaultLimit = 100
)

// Query selects entries: those that match every field that is set.
type Query struct {
	// User is a user name without regard to case, or a user ID or a subject byte for byte.
	User string
	// App and Correlation match byte for byte. Status is success, failure or interrupted.
	App, Correlation, Status string
	Code                     *Code
	// Since and Until limit createdDateTime; Until itself is excluded.
	Since, Until time.Time
	// Limit is the largest number of entries; default DefaultLimit, at most MaxLimit.
	Limit int
	// Cursor is the end of an earlier answer.
	Cursor string
}

func (q *Query) limit() int {
	if q.Limit <= 0 {
		return DefaultLimit
	}
	return min(q.Limit, MaxLimit)
}

// selective reports whether many entries are likely not to match.
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

// Page is one answer.
type Page struct {
	Entries []Entry
	// Cursor is where the rest begins. From Read: empty if there is no rest. An answer may be short or empty and still
	// have a cursor, because the work of one answer is limited. From Follow: never empty.
	Cursor string
	// More: more entries already exist. Only from Follow.
	More bool
	// Unreadable counts entries that no key of the ring opens, or that are not records.
	Unreadable int
}

// stretch is one part of one day, which has its own stream.
type stretch struct {
	day  day
	part part
}

func (s stretch) stream() string { return s.day.stream(s.part) }

// before reports whether s comes before other in a cursor.
func (s stretch) before(other stretch) bool {
	return s.day < other.day || s.day == other.day && s.part < other.part
}

// place is the position of an entry in the whole log.
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

// maxPlaces is the largest number of places in a cursor of Follow: it contains the days that can still grow, and those
// in between, each with its parts.
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
