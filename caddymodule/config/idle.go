package config

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// IdleSignOut signs users out who have not used a site for a while. The server enforces it at the user's next request,
// or by a timer for an open stream; it does not depend on the browser. A site that loads `/.latchkey/assets/idle.js`
// warns its users before.
type IdleSignOut struct {
	// The time without use after which the script warns the user. Required; shorter than `sign_out`.
	Warn caddy.Duration `json:"warn,omitempty"`

	// The time without use after which the user is signed out. Required. The idle limits of sessions and policies apply
	// too; the shortest limit wins.
	SignOut caddy.Duration `json:"sign_out,omitempty"`

	// The users to whom it applies. `browser`: all except those who stay signed in ("Yes" to "Stay signed in?") or
	// whose device is known to be managed or compliant. `all`: all users. Default: `browser`.
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

func (i *IdleSignOut) rule() access.IdleSignOut {
	return access.IdleSignOut{Warn: time.Duration(i.Warn), After: time.Duration(i.SignOut), All: i.ApplyTo == idleAll}
}
