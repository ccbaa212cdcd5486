package pages

import (
	"fmt"
	"time"
)

// units are the units of durations, the largest first. A day is 24 hours.
var units = []struct {
	key    string
	length time.Duration
}{
	{"duration.day", 24 * time.Hour},
	{"duration.hour", time.Hour},
	{"duration.minute", time.Minute},
	{"duration.second", time.Second},
}

// Words formats a duration in the language of the page: "90 days", "24 hours", "1 hour and 30 minutes". Below two days
// it counts hours, because "1 day" could mean "until tomorrow". It uses at most two units and rounds down: a page never
// promises more than the limit allows. Less than a second is "0 seconds".
func (v view) Words(d time.Duration) (string, error) {
	i, last := 0, len(units)-1
	if d < 2*units[0].length {
		i = 1
	}
	for i < last && d < units[i].length {
		i++
	}
	large, err := v.text.count(units[i].key, int(d/units[i].length))
	if err != nil || i == last || d%units[i].length < units[i+1].length {
		return large, err
	}
	small, err := v.text.count(units[i+1].key, int(d%units[i].length/units[i+1].length))
	if err != nil {
		return "", err
	}
	both, err := v.Say("duration.and", "large", large, "small", small)
	return both.String(), err
}

// Days formats a number of days.
func (v view) Days(n int) (string, error) { return v.text.count("duration.day", n) }

// Wait formats a waiting time, rounded up: whole seconds below a minute, whole minutes above.
func (v view) Wait(d time.Duration) (string, error) {
	unit := time.Second
	if d > time.Minute {
		unit = time.Minute
	}
	return v.Words((d + unit - 1) / unit * unit)
}

// Moment is a point in time for a <time> element: Text is shown, Machine is the attribute datetime.
type Moment struct {
	Machine, Text string
}

// When formats a time to the minute, in the language of the page. All times are in UTC, and the text says so: only a
// script could know the user's time zone.
func (v view) When(t time.Time) (Moment, error) { return v.moment(t, "date.clock") }

// Exact is When to the second, so that a line in a log can be found.
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
