package config

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

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/session/signin/reach"
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

// Suggest returns the end of an error message about an unknown word: `, did you mean "x"?` if a similar word exists,
// else the list of the allowed words.
func Suggest(got string, words []string) string {
	best, distance := "", max(1, len(got)/3)
	for _, w := range slices.Sorted(slices.Values(words)) {
		if len(got) > maxSuggested {
			break
		}
		if d := editDistance(strings.ToLower(got), w); d < distance || d == distance && best == "" {
			best, distance = w, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf(", did you mean %q?", best)
	case len(words) == 0:
		return ""
	}
	return ", expected one of " + strings.Join(slices.Sorted(slices.Values(words)), ", ")
}

// maxSuggested is the longest text, in bytes, for which Suggest looks for a similar word.
const maxSuggested = 64

// editDistance counts the letters to insert, delete, replace or swap with a neighbour to change a into b.
func editDistance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

// CheckIssuer requires https; for loopback hosts it also accepts http. The issuer is later compared byte for byte with
// the provider's metadata, so this check refuses a form that can never be equal.
func CheckIssuer(issuer string) error {
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
