package caddymodule

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/caddyserver/caddy/v2"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/reach"
)

// The checks here hold for JSON and Caddyfile alike; the Caddyfile adds file and line. What depends on placeholders is
// checked again once they are replaced.

// maxLifetime is as long as browsers keep a cookie.
const maxLifetime = 400 * 24 * time.Hour

const maxNameSize = 256

// check returns the first thing that is wrong with the app but for its store, its policies and its files.
func (a *AppConfig) check() error {
	if len(a.Providers) == 0 {
		return errors.New("at least one provider is needed")
	}
	names := make(map[string]bool, len(a.Providers))
	for _, p := range a.Providers {
		if names[p.name()] {
			return fmt.Errorf("provider %q is defined twice", p.name())
		}
		names[p.name()] = true
		if err := p.check(); err != nil {
			return fmt.Errorf("provider %q: %w", p.name(), err)
		}
	}
	if err := a.checkKeys(); err != nil {
		return err
	}
	if err := a.Session.Browser.check(session.DefaultLimits.Browser); err != nil {
		return fmt.Errorf("session: browser: %w", err)
	}
	if err := a.Session.Persistent.check(session.DefaultLimits.Persistent); err != nil {
		return fmt.Errorf("session: persistent: %w", err)
	}
	if r := a.Session.Recheck; r != nil && *r != 0 {
		if err := checkDuration(time.Duration(*r), maxLifetime); err != nil {
			return fmt.Errorf("session: recheck: %w", err)
		}
	}
	for _, d := range []struct {
		word  string
		value *caddy.Duration
		most  time.Duration
	}{{"cache_recheck", a.Session.CacheRecheck, maxCacheRecheck}, {"outage_grace", a.Session.OutageGrace, maxOutageGrace}} {
		if d.value != nil && *d.value != 0 {
			if err := checkDuration(time.Duration(*d.value), d.most); err != nil {
				return fmt.Errorf("session: %s: %w", d.word, err)
			}
		}
	}
	if err := a.Session.checkMaxSessions(); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	if err := a.StaySignedIn.check(); err != nil {
		return fmt.Errorf("stay_signed_in: %w", err)
	}
	if err := a.IdleSignOut.check(); err != nil {
		return fmt.Errorf("idle_sign_out: %w", err)
	}
	if err := a.RateLimit.check(); err != nil {
		return fmt.Errorf("rate_limit: %w", err)
	}
	if err := a.Brand.check(); err != nil {
		return err
	}
	if err := a.SignInLog.check(); err != nil {
		return fmt.Errorf("sign_in_log: %w", err)
	}
	if err := a.SignInHost.check(); err != nil {
		return err
	}
	if err := checkEncoding(a.HeaderEncoding); err != nil {
		return err
	}
	for _, n := range a.Networks {
		if _, err := n.rule(); err != nil {
			return fmt.Errorf("network %q: %w", n.Name, err)
		}
	}
	for _, p := range a.Policies {
		if err := p.checkProviders(a); err != nil {
			return fmt.Errorf("policy %q: %w", p.Name, err)
		}
	}
	return nil
}

// check returns the first thing that is wrong with the limits, of which those that are 0 have a default.
func (l *Limits) check(def session.Limit) error {
	idle, most := time.Duration(l.IdleLimit), time.Duration(l.MaxLifetime)
	for _, one := range []struct {
		word  string
		value time.Duration
	}{{"idle_limit", idle}, {"max_lifetime", most}} {
		if one.value != 0 {
			if err := checkDuration(one.value, maxLifetime); err != nil {
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
		return fmt.Errorf("idle_limit %s%s is longer than max_lifetime %s%s", days(idle), idleDefault, days(most), mostDefault)
	}
	return nil
}

var suppressWords = []string{"guest", "high_risk", "shared_device", "iwa", "consent", "none"}

func (s *StaySignedIn) check() error {
	if s == nil {
		return nil
	}
	if s.RememberAnswer != nil && *s.RememberAnswer != 0 {
		if err := checkDuration(time.Duration(*s.RememberAnswer), maxLifetime); err != nil {
			return fmt.Errorf("remember_answer: %w", err)
		}
	}
	if s.AbandonAfter != 0 {
		if err := checkDuration(time.Duration(s.AbandonAfter), 24*time.Hour); err != nil {
			return fmt.Errorf("abandon_after: %w", err)
		}
	}
	for i, w := range s.Suppress {
		switch {
		case !slices.Contains(suppressWords, w):
			return fmt.Errorf("suppress: %q is none of %s", w, strings.Join(suppressWords, ", "))
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
		if err := checkDuration(time.Duration(d.Within), maxLifetime); err != nil {
			return fmt.Errorf("shared_device: %w", err)
		}
	}
	return nil
}

func checkDuration(d, most time.Duration) error {
	switch {
	case d <= 0:
		return errors.New("must be more than 0")
	case d < time.Second:
		return errors.New("must be at least a second")
	case d > most:
		return fmt.Errorf("%s is more than %s", days(d), days(most))
	}
	return nil
}

// days writes a duration as people write it in a Caddyfile: 90m is 1h30m there, a day 24h, and two days 2d.
func days(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// checkName refuses what cannot be told apart in a log or would forge a line of it, and placeholders, because nothing
// replaces them in names: a name that silently stays "{env.X}" belongs to nobody.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("a name is missing")
	case len(name) > maxNameSize:
		return fmt.Errorf("the name is longer than %d bytes", maxNameSize)
	case !utf8.ValidString(name):
		return fmt.Errorf("%q is not valid UTF-8", name)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("%q has control characters", name)
	case hasPlaceholder(name):
		return fmt.Errorf("%q: placeholders are not replaced in names; {$NAME} is, when the Caddyfile is read", name)
	}
	return nil
}

// checkID is checkName for names that also stand in URLs.
func checkID(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r))
	}) {
		return fmt.Errorf("%q: only letters, digits, hyphens, underscores and dots make a name here", name)
	}
	return nil
}

func hasPlaceholder(s string) bool {
	_, rest, ok := strings.Cut(s, "{")
	return ok && strings.Contains(rest, "}")
}

// checkKeys never shows a key.
func (a *AppConfig) checkKeys() error {
	for i, k := range a.Keys {
		if !hasPlaceholder(k) && len(k) < keyring.MinSecret {
			return fmt.Errorf("keys: key %d has less than %d bytes", i+1, keyring.MinSecret)
		}
		if slices.Contains(a.Keys[:i], k) {
			return fmt.Errorf("keys: key %d is listed twice", i+1)
		}
	}
	switch r := a.KeysRotate; {
	case r == nil:
	case len(a.Keys) > 0:
		return errors.New("keys_rotate: keys that the configuration lists are rotated there")
	case *r != 0 && (time.Duration(*r) < minKeysRotate || time.Duration(*r) > maxLifetime):
		return fmt.Errorf("keys_rotate: %s is neither 0 nor from %s to %s", days(time.Duration(*r)), days(minKeysRotate), days(maxLifetime))
	}
	return nil
}

// checkIssuer wants https, and takes http for loopback hosts. The issuer is compared byte for byte with what the
// provider says, so that what can never be equal is refused here.
func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case issuer == "":
		return errors.New("issuer is missing")
	case err != nil || u.Host == "" || u.Opaque != "":
		return fmt.Errorf("issuer %q is no URL such as https://login.example.com", issuer)
	case u.User != nil:
		return errors.New("issuer must not have a user name or password in it")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(issuer, "#"):
		return fmt.Errorf("issuer %q must not have a query or fragment", issuer)
	case strings.Contains(u.Path, "/.well-known/"):
		return fmt.Errorf("issuer %q is the address of the metadata; the issuer is what stands before /.well-known/", issuer)
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && reach.IsLoopback(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return fmt.Errorf("issuer %q must be https; http is for loopback hosts only", issuer)
	}
	return fmt.Errorf("issuer %q must be https", issuer)
}

// privateRanges is what `private_ranges` means in Caddy's own matchers.
var privateRanges = []string{"192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8", "127.0.0.0/8", "fd00::/8", "::1/128"}

// parseRange reads an address, a range in CIDR notation or private_ranges.
func parseRange(s string) ([]netip.Prefix, error) {
	if s == "private_ranges" {
		all := make([]netip.Prefix, len(privateRanges))
		for i, r := range privateRanges {
			all[i] = netip.MustParsePrefix(r)
		}
		return all, nil
	}
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" {
			return nil, fmt.Errorf("%q is no IP address, range such as 203.0.113.0/24, or private_ranges", s)
		}
		addr = addr.Unmap()
		return []netip.Prefix{netip.PrefixFrom(addr, addr.BitLen())}, nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q is no range such as 203.0.113.0/24", s)
	case p.Addr().Is4In6():
		return nil, fmt.Errorf("%q: write an IPv4 range as such", s)
	case p.Masked() != p:
		return nil, fmt.Errorf("%q has bits behind its prefix, did you mean %q or %q?", s, p.Masked(), netip.PrefixFrom(p.Addr(), p.Addr().BitLen()))
	}
	return []netip.Prefix{p}, nil
}
