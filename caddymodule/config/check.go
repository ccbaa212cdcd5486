package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
)

// The checks here apply to JSON and Caddyfile alike; for a Caddyfile, errors also have file and line. Values with
// placeholders are checked again after the placeholders are replaced.

// Check returns the first error in the app's configuration. It does not check the store, the policies or the content of
// files.
func (a *App) Check() error {
	if len(a.Providers) == 0 {
		return errors.New("at least one provider is needed")
	}
	names := make(map[string]bool, len(a.Providers))
	for _, p := range a.Providers {
		if names[p.Called()] {
			return fmt.Errorf("provider %q is defined twice", p.Called())
		}
		names[p.Called()] = true
		if err := p.Check(); err != nil {
			return fmt.Errorf("provider %q: %w", p.Called(), err)
		}
	}
	if err := a.CheckKeys(); err != nil {
		return err
	}
	if err := a.Session.Browser.Check(session.DefaultLimits.Browser); err != nil {
		return fmt.Errorf("session: browser: %w", err)
	}
	if err := a.Session.Persistent.Check(); err != nil {
		return fmt.Errorf("session: persistent: %w", err)
	}
	if err := a.checkBinding(); err != nil {
		return fmt.Errorf("session: binding: %w", err)
	}
	if r := a.Session.Recheck; r != nil && *r != 0 {
		if err := CheckDuration(time.Duration(*r), MaxLifetime); err != nil {
			return fmt.Errorf("session: recheck: %w", err)
		}
	}
	for _, d := range []struct {
		word  string
		value *caddy.Duration
		most  time.Duration
	}{{"cache_recheck", a.Session.CacheRecheck, MaxCacheRecheck}, {"outage_grace", a.Session.OutageGrace, MaxOutageGrace}} {
		if d.value != nil && *d.value != 0 {
			if err := CheckDuration(time.Duration(*d.value), d.most); err != nil {
				return fmt.Errorf("session: %s: %w", d.word, err)
			}
		}
	}
	if err := a.Session.checkMaxSessions(); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	if err := a.StaySignedIn.Check(); err != nil {
		return fmt.Errorf("stay_signed_in: %w", err)
	}
	if err := a.IdleSignOut.Check(); err != nil {
		return fmt.Errorf("idle_sign_out: %w", err)
	}
	if err := a.RateLimit.Check(); err != nil {
		return fmt.Errorf("rate_limit: %w", err)
	}
	if err := a.Brand.check(); err != nil {
		return err
	}
	if err := a.SignInLog.Check(); err != nil {
		return fmt.Errorf("sign_in_log: %w", err)
	}
	if err := a.checkSignals(); err != nil {
		return err
	}
	if err := a.SignInHost.check(); err != nil {
		return err
	}
	if err := checkEncoding(a.HeaderEncoding); err != nil {
		return err
	}
	for _, n := range a.Networks {
		if _, err := n.Rule(); err != nil {
			return fmt.Errorf("network %q: %w", n.Name, err)
		}
	}
	for _, p := range a.Policies {
		if err := p.CheckProviders(a.ProviderNames()); err != nil {
			return fmt.Errorf("policy %q: %w", p.Name, err)
		}
	}
	return nil
}

// Check returns the first error in the limits. A limit of 0 means its default in def.
func (l *Limits) Check(def session.Limit) error {
	idle, most := time.Duration(l.IdleLimit), time.Duration(l.MaxLifetime)
	for _, one := range []struct {
		word  string
		value time.Duration
	}{{"idle_limit", idle}, {"max_lifetime", most}} {
		if one.value != 0 {
			if err := CheckDuration(one.value, MaxLifetime); err != nil {
				return fmt.Errorf("%s: %w", one.word, err)
			}
		}
	}
	idleDefault, mostDefault := "", ""
	if idle == 0 {
		idle, idleDefault = def.Idle, " (the default)"
	}
	if most == 0 {
		most, mostDefault = def.Max, " (the default)"
	}
	if idle > most {
		return fmt.Errorf("idle_limit %s%s is longer than max_lifetime %s%s", Days(idle), idleDefault, Days(most), mostDefault)
	}
	return nil
}

var SuppressWords = []string{"guest", "high_risk", "shared_device", "iwa", "consent", "none"}

// Check refuses words and durations that the prompt does not know. Nil means the defaults.
func (s *StaySignedIn) Check() error {
	if s == nil {
		return nil
	}
	if s.RememberAnswer != nil && *s.RememberAnswer != 0 {
		if err := CheckDuration(time.Duration(*s.RememberAnswer), MaxLifetime); err != nil {
			return fmt.Errorf("remember_answer: %w", err)
		}
	}
	if s.AbandonAfter != 0 {
		if err := CheckDuration(time.Duration(s.AbandonAfter), 24*time.Hour); err != nil {
			return fmt.Errorf("abandon_after: %w", err)
		}
	}
	for i, w := range s.Suppress {
		switch {
		case !slices.Contains(SuppressWords, w):
			return fmt.Errorf("suppress: %q is none of %s", w, strings.Join(SuppressWords, ", "))
		case slices.Contains(s.Suppress[:i], w):
			return fmt.Errorf("suppress: %s is listed twice", w)
		case w == "none" && len(s.Suppress) > 1:
			return errors.New("suppress: none stands alone")
		}
	}
	if d := s.SharedDevice; d != nil {
		if d.Users < 2 || d.Users > 100 {
			return fmt.Errorf("shared_device: %d is no number of people between 2 and 100", d.Users)
		}
		if err := CheckDuration(time.Duration(d.Within), MaxLifetime); err != nil {
			return fmt.Errorf("shared_device: %w", err)
		}
	}
	return nil
}

// FillIn replaces the placeholders of the configuration and then checks the result.
func (a *App) FillIn() error {
	for _, p := range a.Providers {
		if _, err := FillIn(p); err != nil {
			return fmt.Errorf("provider %q: %w", p.Called(), err)
		}
		// A placeholder may hold several scopes. A single scope contains no space.
		p.Scopes = strings.Fields(strings.Join(p.Scopes, " "))
	}
	if _, err := FillIn(a); err != nil {
		return err
	}
	return a.Check()
}

// Icons reads the icons of the providers and returns them by provider name.
func (a *App) Icons() (map[string]pages.Image, error) {
	all := map[string]pages.Image{}
	for _, p := range a.Providers {
		if p.Icon == "" {
			continue
		}
		icon, err := LoadIcon(p.Icon)
		if err != nil {
			return nil, fmt.Errorf("provider %q: %w", p.Called(), err)
		}
		all[p.Called()] = icon
	}
	return all, nil
}

// KnowsProviders returns an error that names the first provider in names that is not defined.
func (a *App) KnowsProviders(names []string) error { return a.ProviderNames().Check(names) }

// ProviderNames returns the names of the providers.
func (a *App) ProviderNames() ProviderNames {
	names := make(ProviderNames, len(a.Providers))
	for i, p := range a.Providers {
		names[i] = p.Called()
	}
	return names
}
