package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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
	l := session.Limits{
		Browser:    c.Browser.or(session.DefaultLimits.Browser),
		Persistent: c.Persistent.or(session.DefaultLimits.Persistent),
	}
	switch {
	case c.Binding.Required():
		l.Unbound = l.Browser
	case c.Persistent.Unbound != Limits{}:
		l.Unbound = c.Persistent.Unbound.or(l.Persistent)
	}
	return l
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

// Binding configures device-bound sessions.
type Binding struct {
	// `prefer`: sessions are bound to the device where the browser can do it. `require`: an answer "Yes" also needs it;
	// without it the session ends with the browser, with the limits of such sessions. `off`: no session is bound;
	// sessions that are bound stay bound. Default: off.
	Mode string `json:"mode,omitempty"`

	// How long a browser may use a bound session before it must prove again that it has the key. This is also how long
	// stolen cookies of a bound session work. From 5 minutes to 1 hour. Default: 10 minutes.
	CookieLifetime caddy.Duration `json:"cookie_lifetime,omitempty"`

	// Which sessions are bound: `persistent`, those of users who stay signed in, or `all`. Default: persistent.
	Kinds string `json:"kinds,omitempty"`

	// A registrable domain such as `example.com`, with `sign_in_host` under it: all hosts under it share one binding, which
	// the browser makes at the sign-in host. It then asks `https://example.com/.well-known/device-bound-sessions` whether it
	// may; a site with the handler `latchkey` answers that. Default: each host has a binding of its own.
	Site string `json:"site,omitempty"`

	// Allows a cookie_lifetime from 2 seconds on. For tests only: browsers sign no more than 6 times in 9 minutes, so
	// that users of a shorter cookie are sent through the sign-in again and again.
	InsecureShortLifetime bool `json:"insecure_short_lifetime,omitempty"`
}

// The words of Binding.
var (
	BindingModes = []string{"off", "prefer", "require"}
	BindingKinds = []string{"persistent", "all"}
)

const (
	defaultBoundLifetime = 10 * time.Minute
	minBoundLifetime     = 5 * time.Minute
	shortBoundLifetime   = 2 * time.Second
	// MaxBoundLifetime is the longest cookie_lifetime.
	MaxBoundLifetime = time.Hour
)

// On reports whether new sessions are bound.
func (b *Binding) On() bool { return b != nil && b.Mode != "" && b.Mode != "off" }

// Required reports whether a persistent session must be bound.
func (b *Binding) Required() bool { return b != nil && b.Mode == "require" }

// All reports whether sessions that end with the browser are bound too.
func (b *Binding) All() bool { return b != nil && b.Kinds == "all" }

// Lifetime returns the lifetime of the cookie.
func (b *Binding) Lifetime() time.Duration {
	if b == nil || b.CookieLifetime == 0 {
		return defaultBoundLifetime
	}
	return time.Duration(b.CookieLifetime)
}

// Access returns the configuration for package access.
func (b *Binding) Access() access.Binds {
	binds := access.Binds{On: b.On(), All: b.All(), Required: b.Required(), Lifetime: b.Lifetime()}
	if b != nil {
		binds.Site = b.Site
	}
	return binds
}

// Check returns the first error in the configuration.
func (b *Binding) Check() error {
	if b == nil {
		return nil
	}
	if b.Mode != "" && !slices.Contains(BindingModes, b.Mode) {
		return fmt.Errorf("%q is none of %s", b.Mode, strings.Join(BindingModes, ", "))
	}
	if b.Kinds != "" && !slices.Contains(BindingKinds, b.Kinds) {
		return fmt.Errorf("kinds: %q is none of %s", b.Kinds, strings.Join(BindingKinds, ", "))
	}
	least := minBoundLifetime
	if b.InsecureShortLifetime {
		least = shortBoundLifetime
	}
	if d := b.Lifetime(); d < least || d > MaxBoundLifetime {
		return fmt.Errorf("cookie_lifetime: %s is not between %s and %s", Days(d), Days(least), Days(MaxBoundLifetime))
	}
	if b.Site != "" && !HasPlaceholder(b.Site) {
		return CheckRegistrable(b.Site)
	}
	return nil
}

// checkBinding is Check, and refuses what does not work together with the binding.
func (a *App) checkBinding() error {
	switch b := a.Session.Binding; {
	case b != nil && b.Site != "" && !HasPlaceholder(b.Site) && b.Check() == nil && a.SignInHost.check() == nil && !a.SignInHost.under(b.Site):
		return fmt.Errorf("site: %s needs a sign_in_host under it, on https: without one each host has a session of its own", b.Site)
	case b.Required() && a.Session.Persistent.Unbound != (Limits{}):
		return errors.New("with require, a session that is not bound has the limits of a browser session, and those of persistent: unbound mean nothing")
	default:
		return b.Check()
	}
}

// Check returns the first error in the limits. Sessions that are not bound may live no longer than those that are.
func (p *PersistentLimits) Check() error {
	if err := p.Limits.Check(session.DefaultLimits.Persistent); err != nil {
		return err
	}
	bound := p.or(session.DefaultLimits.Persistent)
	if err := p.Unbound.Check(bound); err != nil {
		return fmt.Errorf("unbound: %w", err)
	}
	switch l := p.Unbound.or(bound); {
	case l.Idle > bound.Idle:
		return fmt.Errorf("unbound: idle_limit %s is longer than that of bound sessions, %s", Days(l.Idle), Days(bound.Idle))
	case l.Max > bound.Max:
		return fmt.Errorf("unbound: max_lifetime %s is longer than that of bound sessions, %s", Days(l.Max), Days(bound.Max))
	}
	return nil
}
