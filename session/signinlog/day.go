package signinlog

import "time"

// day is a day in UTC, counted from 1970. Each part of each day has its own stream.
type day int64

// part is one of the two parts of the log. Each keeps at most half of MaxEntries, so that sign-ins without success
// never displace successful ones (field trial 2.6).
type part uint8

const (
	// succeeded contains successful sign-ins, and actions of administrators.
	succeeded part = iota
	// unsuccessful contains the others.
	unsuccessful
	parts
)

func partOf(r Record) part {
	if r.Code == Success || r.InitiatedBy != nil {
		return succeeded
	}
	return unsuccessful
}

const hoursOfDay = 24 * time.Hour

func dayOf(t time.Time) day { return day(t.Unix() / int64(hoursOfDay/time.Second)) }

func (d day) start() time.Time { return time.Unix(int64(d)*int64(hoursOfDay/time.Second), 0).UTC() }

func (d day) String() string { return d.start().Format(time.DateOnly) }

// stream returns the name of a part of a day in the journal. Before there were two parts, all records were in the first
// one's stream.
func (d day) stream(p part) string {
	if p == unsuccessful {
		return "sign-ins:" + d.String() + ":unsuccessful"
	}
	return "sign-ins:" + d.String()
}
