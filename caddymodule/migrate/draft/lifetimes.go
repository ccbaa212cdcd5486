package draft

import (
	"fmt"
	"time"
)

const (
	// Day is a day.
	Day = 24 * time.Hour
	// Longest is how long Latchkey keeps a session at most, as browsers do with cookies.
	Longest = 400 * Day
	// shortest is less than any program demands that works.
	shortest = time.Minute
)

// Lifetimes is how long a session lives.
type Lifetimes struct {
	// Browser and persistent are the limits of sessions that end with the browser, and of those that stay.
	Browser, Persistent Limits
	// Recheck is how old claims may be. 0: the default.
	Recheck time.Duration
	// Comment stands above the limits.
	Comment string
}

// Limits are how long a session lives unused, and at all.
type Limits struct{ Idle, Most time.Duration }

func (l Limits) block(word string) Line {
	most := min(max(l.Most, shortest), Longest)
	return Words(word, Words("idle_limit "+Span(min(max(l.Idle, shortest), most))), Words("max_lifetime "+Span(most)))
}

// Line is the block `session` with these lifetimes.
func (l Lifetimes) Line() Line {
	session := Words("session", l.Browser.block("browser"), l.Persistent.block("persistent"))
	if l.Recheck > 0 {
		recheck := Words("recheck " + Span(min(max(l.Recheck, shortest), Longest)))
		recheck.Comment = "How old claims and groups may be before the provider is asked again."
		session.Block = append(session.Block, recheck)
	}
	session.Comment = l.Comment
	return session
}

// Span returns a duration as it stands in a Caddyfile.
func Span(d time.Duration) string {
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"d", Day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}} {
		if d >= unit.of && d%unit.of == 0 {
			return fmt.Sprintf("%d%s", d/unit.of, unit.name)
		}
	}
	return d.Round(time.Second).String()
}
