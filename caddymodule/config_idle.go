package caddymodule

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

var idleWords = []string{idleBrowser, idleAll}

var (
	errIdleBoth     = errors.New("warn and sign_out go together")
	errIdleActivity = errors.New("activity any would keep people signed in whose page polls: with idle_sign_out, activity is navigation or none")
)

func (i *IdleSignOut) check() error {
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
		if err := checkDuration(time.Duration(one.value), maxLifetime); err != nil {
			return fmt.Errorf("%s: %w", one.word, err)
		}
	}
	if i.Warn >= i.SignOut {
		return fmt.Errorf("warn %s is not before sign_out %s", days(time.Duration(i.Warn)), days(time.Duration(i.SignOut)))
	}
	if to := cmp.Or(i.ApplyTo, idleBrowser); to != idleBrowser && to != idleAll {
		return fmt.Errorf("apply_to: %q is neither %s nor %s", i.ApplyTo, idleBrowser, idleAll)
	}
	return nil
}

// checkIdle holds what the site says of idle sign-out against what holds for all sites.
func (h *SiteConfig) checkIdle(a *AppConfig) error {
	own, all := h.IdleSignOut, a.IdleSignOut
	if err := own.check(); err != nil {
		return fmt.Errorf("idle_sign_out: %w", err)
	}
	if own != nil && all != nil && own.SignOut > all.SignOut {
		return fmt.Errorf("idle_sign_out: sign_out %s is longer than the %s for all sites: a site can only make it shorter",
			days(time.Duration(own.SignOut)), days(time.Duration(all.SignOut)))
	}
	if (own != nil || all != nil) && h.Activity == "any" {
		return errIdleActivity
	}
	return nil
}

func (i *IdleSignOut) rule() signin.IdleSignOut {
	return signin.IdleSignOut{Warn: time.Duration(i.Warn), After: time.Duration(i.SignOut), All: i.ApplyTo == idleAll}
}

// idleRules are those that a site is held to. Last uses are written often enough for each.
func (h *Handler) idleRules(a *App) (rules []signin.IdleSignOut) {
	for _, i := range []*IdleSignOut{a.IdleSignOut, h.IdleSignOut} {
		if i != nil {
			rule := i.rule()
			rules = append(rules, rule)
			a.noteIdle(rule.Warn)
		}
	}
	return rules
}
