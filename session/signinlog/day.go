package signinlog

import "time"

// day is a day of UTC, counted from 1970. Each has a stream of its own.
type day int64

const hoursOfDay = 24 * time.Hour

func dayOf(t time.Time) day { return day(t.Unix() / int64(hoursOfDay/time.Second)) }

func (d day) start() time.Time { return time.Unix(int64(d)*int64(hoursOfDay/time.Second), 0).UTC() }

func (d day) String() string { return d.start().Format(time.DateOnly) }

func (d day) stream() string { return "sign-ins:" + d.String() }
