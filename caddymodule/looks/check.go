package looks

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
)

var errNoAddress = errors.New("a rule asks for the client's address, which cannot be read")

// CheckAddress returns an error if the rules depend on a client address that cannot be parsed. client is the client's
// address as Caddy determined it.
func (s *Set) CheckAddress(remote, client string) error {
	if s.client && !isAddress(client) || s.remote && (!isAddress(remote) || isMapped(remote)) {
		return errNoAddress
	}
	return nil
}

// Check refuses a request if something that the rules read has two readings. original is the target before it was
// rewritten, nil if it was not. The error is always a scrub.Refusal.
func (s *Set) Check(r *http.Request, original *url.URL) error {
	if s.query {
		if err := s.checkQuery(r.URL.RawQuery); err != nil {
			return err
		}
		if original != nil && original.RawQuery != r.URL.RawQuery {
			if err := s.checkQuery(original.RawQuery); err != nil {
				return err
			}
		}
	}
	if s.target && (needless(r.URL.RawQuery) || needless(r.URL.RawPath) ||
		original != nil && (needless(original.RawQuery) || needless(original.RawPath))) {
		return scrub.NeedlessEscape
	}
	if len(s.headers) > 0 {
		if err := s.checkHeaders(r.Header); err != nil {
			return err
		}
	}
	if s.host || s.hostText {
		if err := s.checkHost(r.Host); err != nil {
			return err
		}
	}
	if s.pattern != nil {
		if ok, err := s.pattern.MatchWithError(r); err != nil || !ok {
			return scrub.UnreadableURL
		}
	}
	return nil
}

// checkQuery refuses a query that Go cannot parse: Caddy's matcher answers "no" to it, and placeholders show only the
// rest of it. Parameters that rules read must occur only once and in one spelling, because one parser uses the first of
// two values and another uses the last.
func (s *Set) checkQuery(raw string) error {
	if raw == "" {
		return nil
	}
	parsed, err := url.ParseQuery(raw)
	if err != nil {
		return scrub.BadQuery
	}
	var seen map[string]bool
	for name, values := range parsed {
		folded := foldKey(name)
		if s.anyKey {
			if seen == nil {
				seen = make(map[string]bool, len(parsed))
			}
			if seen[folded] || differ(values) {
				return scrub.AmbiguousQuery
			}
			seen[folded] = true
		}
		if len(s.keys) == 0 {
			continue
		}
		asked, ok := s.keys[folded]
		if !ok {
			array, _, _ := strings.Cut(folded, "[") // PHP: name[] and name[x] are the name
			asked, ok = s.keys[array]
		}
		if ok && (!contains(asked, name) || differ(values)) {
			return scrub.AmbiguousQuery
		}
	}
	return nil
}

func (s *Set) checkHeaders(h http.Header) error {
	for name, values := range h {
		for i := range s.headers {
			if asked := &s.headers[i]; sameFolded(name, asked.folded) && (name != asked.name || differ(values)) {
				return scrub.AmbiguousHeader
			}
		}
	}
	const grpc = "application/grpc"
	if kind := h.Get("Content-Type"); s.grpc && len(kind) >= len(grpc) && !strings.HasPrefix(kind, grpc) && strings.EqualFold(kind[:len(grpc)], grpc) {
		return scrub.AmbiguousHeader
	}
	return nil
}

// checkHost refuses a host that is not in its canonical form: with a trailing dot, with an IPv6 address in a long form,
// or with upper case if a matcher is case-sensitive.
func (s *Set) checkHost(raw string) error {
	canonical, ok := scrub.Host(raw)
	if host, _, err := net.SplitHostPort(raw); err == nil {
		raw = host
	} else {
		raw = strings.TrimSuffix(strings.TrimPrefix(raw, "["), "]")
	}
	if !ok || raw != canonical && (s.hostText || !strings.EqualFold(raw, canonical)) {
		return scrub.AmbiguousHost
	}
	return nil
}

func isAddress(text string) bool {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	_, err := netip.ParseAddr(text)
	return err == nil
}

// isMapped reports whether the address of a connection is an IPv4 address in IPv6 form, which a PROXY header can
// contain. No IPv4 range contains it. The client's address is already converted to IPv4.
func isMapped(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Is4In6()
}

// needless reports whether text escapes a character that needs no escape (RFC 3986 section 2.3): the application reads
// the character, but a rule that compares the text does not.
func needless(text string) bool {
	for i := 0; i+2 < len(text); i++ {
		if text[i] != '%' {
			continue
		}
		if c, ok := unhex(text[i+1], text[i+2]); ok &&
			(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0) {
			return true
		}
	}
	return false
}

func differ(values []string) bool {
	for _, v := range values[min(1, len(values)):] {
		if v != values[0] {
			return true
		}
	}
	return false
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}
