package config

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/session/signin"
)

// IdleSignOut signs people out who have not used a site for a while. The server does so, at their next request or, where a
// stream is open, by the clock, whatever runs in the browser; a site that loads `/.latchkey/assets/idle.js` warns them before.
type IdleSignOut struct {
	// After how long without use people are warned, where the site loads the script. Required; less than `sign_out`.
	Warn caddy.Duration `json:"warn,omitempty"`

	// After how long without use they are signed out. Required. Idle limits of the session and of policies hold beside it:
	// the shortest counts.
	SignOut caddy.Duration `json:"sign_out,omitempty"`

	// Who is held to it: `browser` is everybody but who stays signed in ("Yes" to "Stay signed in?") or is known to use a
	// managed or compliant device; `all` is everybody. Default: `browser`.
	ApplyTo string `json:"apply_to,omitempty"`
}

const (
	idleBrowser = "browser"
	idleAll     = "all"
)

var IdleWords = []string{idleBrowser, idleAll}

var errIdleBoth = errors.New("warn and sign_out go together")

// Check refuses durations that cannot go together. Nil means that idle users stay signed in.
func (i *IdleSignOut) Check() error {
	if i == nil {
		return nil
	}
	if i.Warn == 0 || i.SignOut == 0 {
		return errIdleBoth
	}
	for _, one := range []struct {
		word  string
		value caddy.Duration
	}{{"warn", i.Warn}, {"sign_out", i.SignOut}} {
		if err := CheckDuration(time.Duration(one.value), MaxLifetime); err != nil {
			return fmt.Errorf("%s: %w", one.word, err)
		}
	}
	if i.Warn >= i.SignOut {
		return fmt.Errorf("warn %s is not before sign_out %s", Days(time.Duration(i.Warn)), Days(time.Duration(i.SignOut)))
	}
	if to := cmp.Or(i.ApplyTo, idleBrowser); to != idleBrowser && to != idleAll {
		return fmt.Errorf("apply_to: %q is neither %s nor %s", i.ApplyTo, idleBrowser, idleAll)
	}
	return nil
}

func (i *IdleSignOut) rule() signin.IdleSignOut {
	return signin.IdleSignOut{Warn: time.Duration(i.Warn), After: time.Duration(i.SignOut), All: i.ApplyTo == idleAll}
}
