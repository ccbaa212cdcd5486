package signinlog

import "time"

// day is a day of UTC, counted from 1970. Each has a stream of its own for each part.
type day int64

// part is one of the two parts of the log. Each keeps at most its half of MaxEntries, so that sign-ins that do not
// succeed never push out one that did (field trial 2.6).
type part uint8

const (
	// succeeded holds sign-ins that succeeded, and acts of administrators.
	succeeded part = iota
	// unsuccessful holds the rest.
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

// stream is the name of a part of a day in the journal. Until there were two parts all records were in the first one's.
func (d day) stream(p part) string {
	if p == unsuccessful {
		return "sign-ins:" + d.String() + ":unsuccessful"
	}
	return "sign-ins:" + d.String()
}
