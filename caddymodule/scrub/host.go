package scrub

import (
	"net/netip"
	"strings"
)

// BadHost refuses a host without a canonical form, or a request target with another host than the request.
const BadHost = Refusal("the host is not valid")

// maxHost is the length of the longest DNS name, in bytes, with its trailing dot.
const maxHost = 254

// Host returns the canonical form of a host: in lower case, without port and without trailing dot; an IP address as
// netip prints it, without brackets. ok is false if host is not a host name or address: it is empty, or has user
// information, white space, control or non-ASCII characters (a Unicode name is written as xn--), an empty label, or a
// port that is not a number. Names, limits and cookies that depend on the host use only this form (A57).
func Host(host string) (canonical string, ok bool) {
	if strings.HasPrefix(host, "[") {
		literal, port, closed := strings.Cut(host[1:], "]")
		if !closed || port != "" && !validPort(port) {
			return "", false
		}
		addr, err := netip.ParseAddr(literal)
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return "", false
		}
		return addr.String(), true
	}
	if i := strings.IndexByte(host, ':'); i >= 0 {
		if !validPort(host[i:]) {
			return "", false
		}
		host = host[:i]
	}
	if len(host) > maxHost {
		return "", false
	}
	host = strings.TrimSuffix(host, ".")
	label := 0 // bytes in the current label
	for i := range len(host) {
		c := host[i]
		switch {
		case c == '.':
			if label == 0 {
				return "", false
			}
			label = 0
			continue
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return "", false
		}
		if label++; label > 63 {
			return "", false
		}
	}
	if label == 0 {
		return "", false
	}
	return strings.ToLower(host), true
}

// validPort accepts ":" and up to five digits. An empty port is allowed and means the default (RFC 3986 section 3.2.3).
func validPort(port string) bool {
	if port[0] != ':' || len(port) > 6 {
		return false
	}
	n := 0
	for _, c := range []byte(port[1:]) {
		if c < '0' || c > '9' {
			return false
		}
		n = n*10 + int(c-'0')
	}
	return n <= 65535
}
