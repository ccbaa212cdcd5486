package migrate

import (
	"fmt"
	"time"
)

const (
	day = 24 * time.Hour
	// longest is how long Latchkey keeps a session at most, as browsers do with cookies.
	longest = 400 * day
	// shortest is less than any program demands that works.
	shortest = time.Minute
)

// lifetimes is how long a session lives.
type lifetimes struct {
	// browser and persistent are the limits of sessions that end with the browser, and of those that stay.
	browser, persistent limits
	// recheck is how old claims may be. 0: the default.
	recheck time.Duration
	// comment stands above the limits.
	comment string
}

type limits struct{ idle, most time.Duration }

func (l limits) block(word string) Line {
	most := min(max(l.most, shortest), longest)
	return words(word, words("idle_limit "+duration(min(max(l.idle, shortest), most))), words("max_lifetime "+duration(most)))
}

func (l lifetimes) line() Line {
	session := words("session", l.browser.block("browser"), l.persistent.block("persistent"))
	if l.recheck > 0 {
		recheck := words("recheck " + duration(min(max(l.recheck, shortest), longest)))
		recheck.Comment = "How old claims and groups may be before the provider is asked again."
		session.Block = append(session.Block, recheck)
	}
	session.Comment = l.comment
	return session
}

// duration returns a duration as it stands in a Caddyfile.
func duration(d time.Duration) string {
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"d", day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}} {
		if d >= unit.of && d%unit.of == 0 {
			return fmt.Sprintf("%d%s", d/unit.of, unit.name)
		}
	}
	return d.Round(time.Second).String()
}
