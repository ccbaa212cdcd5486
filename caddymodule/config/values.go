package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// CheckDuration refuses a duration that is under one second or over most.
func CheckDuration(d, most time.Duration) error {
	switch {
	case d <= 0:
		return errors.New("must be more than 0")
	case d < time.Second:
		return errors.New("must be at least a second")
	case d > most:
		return fmt.Errorf("%s is more than %s", Days(d), Days(most))
	}
	return nil
}

// Days formats a duration as in a Caddyfile: 90 minutes as 1h30m, one day as 24h, two days as 2d.
func Days(d time.Duration) string {
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

// CheckName refuses names that could be confused in a log or could forge a log line. It also refuses placeholders,
// because they are not replaced in names: a user name that stays "{env.X}" matches no user.
func CheckName(name string) error {
	switch {
	case name == "":
		return errors.New("a name is missing")
	case len(name) > maxNameSize:
		return fmt.Errorf("the name is longer than %d bytes", maxNameSize)
	case !utf8.ValidString(name):
		return fmt.Errorf("%q is not valid UTF-8", name)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("%q has control characters", name)
	case HasPlaceholder(name):
		return fmt.Errorf("%q: placeholders are not replaced in names; {$NAME} is, when the Caddyfile is read", name)
	}
	return nil
}

// CheckID is CheckName for names that are also part of URLs.
func CheckID(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r))
	}) {
		return fmt.Errorf("%q: only letters, digits, hyphens, underscores and dots make a name here", name)
	}
	return nil
}

// HasPlaceholder reports whether s has something in braces, which Caddy would replace.
func HasPlaceholder(s string) bool {
	_, rest, ok := strings.Cut(s, "{")
	return ok && strings.Contains(rest, "}")
}

// ParseRange reads an address, a range in CIDR notation or private_ranges, which means what it means to Caddy's matchers.
func ParseRange(s string) ([]netip.Prefix, error) {
	if s == "private_ranges" {
		private := caddyhttp.PrivateRangesCIDR()
		all := make([]netip.Prefix, len(private))
		for i, r := range private {
			p, err := caddyhttp.CIDRExpressionToPrefix(r)
			if err != nil {
				return nil, err
			}
			all[i] = p.Masked() // Caddy writes 127.0.0.1/8
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

const maxNameSize = 256

// MaxLifetime is the longest time for which browsers keep a cookie.
const MaxLifetime = 400 * 24 * time.Hour

// CheckNames refuses the first name that CheckName refuses, and names that stand twice.
func CheckNames(lists ...[]string) error {
	for _, names := range lists {
		for i, n := range names {
			if err := CheckName(n); err != nil {
				return err
			}
			if slices.Contains(names[:i], n) {
				return fmt.Errorf("%q is listed twice", n)
			}
		}
	}
	return nil
}
