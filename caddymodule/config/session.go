package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
)

const (
	defaultRecheck        = time.Hour
	defaultRememberAnswer = 180 * 24 * time.Hour
	defaultSharedUsers    = 2
	defaultSharedWindow   = 7 * 24 * time.Hour
	// maxPromptText is the longest text under the question, in bytes.
	maxPromptText = 2048
)

// Limits returns the limits of sessions, with the defaults filled in.
func (c *Session) Limits() session.Limits {
	return session.Limits{
		Browser:    c.Browser.or(session.DefaultLimits.Browser),
		Persistent: c.Persistent.or(session.DefaultLimits.Persistent),
	}
}

// or returns the limits, with def for those that are 0.
func (l Limits) or(def session.Limit) session.Limit {
	if l.IdleLimit != 0 {
		def.Idle = time.Duration(l.IdleLimit)
	}
	if l.MaxLifetime != 0 {
		def.Max = time.Duration(l.MaxLifetime)
	}
	return def
}

// RecheckEvery is the time between two questions to the provider about a session. Default: 1 h.
func (c *Session) RecheckEvery() time.Duration {
	if c.Recheck == nil {
		return defaultRecheck
	}
	return time.Duration(*c.Recheck)
}

// Prompt returns the configuration of the question. It reads the file with the text.
func (s *StaySignedIn) Prompt() (access.PromptConfig, error) {
	p := access.PromptConfig{
		RememberAnswer: defaultRememberAnswer,
		Suppress:       prompt.DefaultSuppress,
		SharedUsers:    defaultSharedUsers,
		SharedWindow:   defaultSharedWindow,
	}
	if s == nil {
		return p, nil
	}
	p.Off, p.AbandonAfter = s.Off, time.Duration(s.AbandonAfter)
	if s.RememberAnswer != nil {
		p.RememberAnswer = time.Duration(*s.RememberAnswer)
	}
	if s.SharedDevice != nil {
		p.SharedUsers, p.SharedWindow = s.SharedDevice.Users, time.Duration(s.SharedDevice.Within)
	}
	p.Suppress = suppress(s.Suppress)
	if s.Text != "" {
		text, err := readFile(s.Text, maxPromptText)
		if err != nil {
			return p, fmt.Errorf("stay_signed_in: text: %w", err)
		}
		if len(text) > maxPromptText {
			return p, fmt.Errorf("stay_signed_in: text: %s is longer than %d bytes", s.Text, maxPromptText)
		}
		p.Text = string(text)
	}
	return p, nil
}

func suppress(words []string) prompt.Suppress {
	if len(words) == 0 {
		return prompt.DefaultSuppress
	}
	return prompt.Suppress{
		Guest:        slices.Contains(words, "guest"),
		HighRisk:     slices.Contains(words, "high_risk"),
		SharedDevice: slices.Contains(words, "shared_device"),
		IWA:          slices.Contains(words, "iwa"),
		Consent:      slices.Contains(words, "consent"),
	}
}

// The default applies where the configuration says nothing. The other value is the most that it may say.
const (
	DefaultCacheRecheck = 5 * time.Second
	MaxCacheRecheck     = time.Hour
	DefaultOutageGrace  = 5 * time.Minute
	MaxOutageGrace      = 24 * time.Hour
)

// DurationOr is value, or def where the configuration says nothing.
func DurationOr(value *caddy.Duration, def time.Duration) time.Duration {
	if value == nil {
		return def
	}
	return time.Duration(*value)
}
