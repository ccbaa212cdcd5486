package access

import (
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// IdleSignOut signs users out who have not used a site for a while. They are warned before.
type IdleSignOut struct {
	// Warn is after how long without use a user is warned, After when the user is signed out: Warn < After (T10).
	Warn, After time.Duration
	// All holds every session to it. Without it a persistent session is exempt, and so is one of a device that is known to be
	// managed or compliant (T7, T16).
	All bool
}

func (i IdleSignOut) covers(kind session.Kind, knownDevice bool) bool {
	return i.All || kind != session.Persistent && !knownDevice
}

// IdleRule returns the rule that applies to a session here: of all that apply, the one that signs out first (T19).
func (site *Site) IdleRule(kind session.Kind, knownDevice bool) (rule IdleSignOut, ok bool) {
	for _, i := range site.Idle {
		if i.covers(kind, knownDevice) && (!ok || i.After < rule.After) {
			rule, ok = i, true
		}
	}
	return rule, ok
}

// IdleLimit returns the idle time after which the site signs a session out; 0 if it does not.
func (site *Site) IdleLimit(who *session.Session) time.Duration {
	rule, _ := site.IdleRule(who.Kind, who.KnownDevice)
	return rule.After
}

// IdleTimes returns when a session is warned about and when it ends here if it is not used before. ok is false if no
// idle sign-out applies; then there is no warning.
func (site *Site) IdleTimes(who *session.Record, limits session.Limits) (warn, end time.Time, ok bool) {
	end = who.Ends(limits)
	rule, ok := site.IdleRule(who.Kind, who.KnownDevice())
	if !ok {
		return warn, end, false
	}
	warn = who.LastUsed.Add(rule.Warn)
	if idle := who.LastUsed.Add(rule.After); idle.Before(end) {
		end = idle
	} else if early := end.Add(rule.Warn - rule.After); end.Before(who.MaxEnd(limits)) && early.Before(warn) {
		// The session's own idle limit comes first: warn as long before it as the rule would, but not before half of
		// it.
		warn = later(early, who.LastUsed.Add(end.Sub(who.LastUsed)/2))
	}
	return warn, end, true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
