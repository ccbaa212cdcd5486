package pages

import (
	"fmt"
	"time"
)

// Moment is a point in time for a <time> element: Text for the reader, Machine for the attribute datetime.
type Moment struct {
	Machine, Text string
}

// When is a day and a time, to the minute, in the words of the language. All times are in UTC, and say so: where the
// reader is, only a script could tell.
func (v view) When(t time.Time) (Moment, error) { return v.moment(t, "date.clock") }

// Exact is When to the second, for finding a line in a log.
func (v view) Exact(t time.Time) (Moment, error) { return v.moment(t, "date.exact") }

func (v view) moment(t time.Time, clockKey string) (Moment, error) {
	t, b := t.UTC(), v.text
	month, err := v.Say(fmt.Sprintf("date.month_%d", t.Month()))
	if err != nil {
		return Moment{}, err
	}
	date, err := v.Say("date.day", "day", b.number(t.Day(), 1), "month", month.String(), "year", b.number(max(t.Year(), 0), 1))
	if err != nil {
		return Moment{}, err
	}
	clock, err := v.Say(clockKey, "hour", b.number(t.Hour(), 2), "minute", b.number(t.Minute(), 2), "second", b.number(t.Second(), 2))
	if err != nil {
		return Moment{}, err
	}
	both, err := v.Say("date.moment", "date", date.String(), "clock", clock.String())
	return Moment{Machine: t.Format(time.RFC3339), Text: both.String()}, err
}
