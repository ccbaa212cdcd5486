package config

import (
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// SignInLog sets how long sign-ins are kept in the store, where the admin API and `latchkey sign-ins` read them. The
// stored entries are sealed with the key ring. Sign-ins are also written to Caddy's log (logger `latchkey.sign_in`),
// which this configuration does not change.
type SignInLog struct {
	// How long an entry is kept. Default: 30 days; at most 400 days.
	Keep caddy.Duration `json:"keep,omitempty"`

	// How many entries are kept; the oldest are deleted first. One half is for successful sign-ins and actions of
	// administrators, the other half for all other sign-ins. One user, or one address with unknown users, may add a
	// hundredth of the entries a day, but at least 64. An entry has about 400 bytes. 0: none are stored. Default:
	// 100000; at most 10000000.
	MaxEntries *int `json:"max_entries,omitempty"`
}

// Check refuses a time and a number of entries outside of the bounds. Nil means the defaults.
func (s *SignInLog) Check() error {
	if s == nil {
		return nil
	}
	if s.Keep != 0 {
		if err := CheckDuration(time.Duration(s.Keep), signinlog.MaxKeep); err != nil {
			return fmt.Errorf("keep: %w", err)
		}
	}
	if n := s.MaxEntries; n != nil && (*n < 0 || *n > signinlog.MaxMaxEntries) {
		return fmt.Errorf("max_entries: %d is no number of entries from 0 to %d", *n, signinlog.MaxMaxEntries)
	}
	return nil
}

// Off reports whether sign-ins are not stored.
func (s *SignInLog) Off() bool { return s != nil && s.MaxEntries != nil && *s.MaxEntries == 0 }

// KeepFor returns how long an entry is kept.
func (s *SignInLog) KeepFor() time.Duration {
	if s == nil || s.Keep == 0 {
		return signinlog.DefaultKeep
	}
	return time.Duration(s.Keep)
}
