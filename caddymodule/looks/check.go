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

// CheckAddress fails if the rules look at an address that cannot be read. client is that of the client, as Caddy knows it.
func (s *Set) CheckAddress(remote, client string) error {
	if s.client && !isAddress(client) || s.remote && (!isAddress(remote) || isMapped(remote)) {
		return errNoAddress
	}
	return nil
}

// Check refuses a request in which what the rules look at can be read in two ways. original is the target before it was
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

// checkQuery refuses a query that Go does not parse: Caddy's matcher answers "no" to it, and placeholders show the rest of
// it. Then names that rules ask for have to be there once, and in one spelling, because what reads the first of two values
// and what reads the last see different requests.
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

// checkHost refuses a host in another spelling than its canonical one: a trailing dot, an IPv6 address written out, and
// upper case where a matcher minds it.
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

// isMapped tells whether the address of a connection is IPv4 in IPv6 form, as a PROXY header can have it. No IPv4 range holds
// it. That of the client is brought to its IPv4 form before.
func isMapped(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Is4In6()
}

// needless tells whether text has an escape for a character that needs none (RFC 3986 section 2.3): the application reads
// the character, and a rule that compares the text does not see it.
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
