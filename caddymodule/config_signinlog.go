package caddymodule

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// SignInLog says how long sign-ins are kept in the store, where the admin API and `latchkey sign-ins` find them. What is
// stored is sealed under the key ring. Sign-ins are also written to Caddy's log (logger `latchkey.sign_in`), which this
// does not concern.
type SignInLog struct {
	// How long an entry is kept. Default: 30 days; at most 400 days.
	Keep caddy.Duration `json:"keep,omitempty"`

	// How many entries are kept; the oldest go first. Half of them are for sign-ins that succeeded and acts of
	// administrators, half for the others. One user, or one address of unknown users, has a hundredth a day, 64 at least.
	// About 400 bytes each. 0 stores none. Default: 100000; at most 10000000.
	MaxEntries *int `json:"max_entries,omitempty"`
}

func (s *SignInLog) check() error {
	if s == nil {
		return nil
	}
	if s.Keep != 0 {
		if err := checkDuration(time.Duration(s.Keep), signinlog.MaxKeep); err != nil {
			return fmt.Errorf("keep: %w", err)
		}
	}
	if n := s.MaxEntries; n != nil && (*n < 0 || *n > signinlog.MaxMaxEntries) {
		return fmt.Errorf("max_entries: %d is no number of entries from 0 to %d", *n, signinlog.MaxMaxEntries)
	}
	return nil
}

// off reports whether nothing is to be stored.
func (s *SignInLog) off() bool { return s != nil && s.MaxEntries != nil && *s.MaxEntries == 0 }

// keep is how long an entry is kept.
func (s *SignInLog) keep() time.Duration {
	if s == nil || s.Keep == 0 {
		return signinlog.DefaultKeep
	}
	return time.Duration(s.Keep)
}

// openSignInLog starts the log in the store, beside Caddy's log, and returns where sign-ins go.
func (a *App) openSignInLog(store session.Store, ring *keyring.Ring) (signinlog.Sink, error) {
	sink, err := a.signInSinks(store, ring)
	if err != nil {
		return nil, err
	}
	a.rt.repeats = signinlog.NewRepeats(sink, nil)
	return a.rt.repeats, nil
}

func (a *App) signInSinks(store session.Store, ring *keyring.Ring) (signinlog.Sink, error) {
	logged := signinlog.Zap{Logger: a.rt.logger.Named("sign_in")}
	if a.SignInLog.off() {
		return logged, nil
	}
	kept, ok := store.(journal.Journal)
	if !ok {
		if a.SignInLog != nil {
			return nil, errors.New("sign_in_log: this store keeps no sign-ins; leave sign_in_log out, or say max_entries 0")
		}
		return logged, nil
	}
	c := signinlog.Config{Journal: kept, Keys: ring, Logger: a.rt.logger.Named("sign_in_log")}
	if s := a.SignInLog; s != nil {
		c.Keep = time.Duration(s.Keep)
		if s.MaxEntries != nil {
			c.MaxEntries = *s.MaxEntries
		}
	}
	a.rt.signIns = signinlog.Open(c)
	return signinlog.Sinks{logged, a.rt.signIns}, nil
}

// closeSignInLog writes what waits to be written.
func (a *App) closeSignInLog() {
	if a.rt.repeats != nil {
		a.rt.repeats.Close()
	}
	if a.rt.signIns != nil {
		a.rt.signIns.Close()
	}
}
