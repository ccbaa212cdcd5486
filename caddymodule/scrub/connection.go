package scrub

import (
	"net/http"
	"strings"
)

// Connection reduces the Connection header to the options that concern the connection itself: close, keep-alive, te and
// upgrade. Every other option is the name of a header, which a proxy then deletes from the request, even if it was set
// after the client sent the request: `Connection: Remote-User` would turn a signed-in request into an anonymous one
// (A50). Connection does not delete the named headers, so a client cannot remove headers in this way. Headers deletes
// the identity headers among them.
func Connection(h http.Header) {
	values, ok := h["Connection"]
	if !ok {
		return
	}
	clean := len(values) == 1
	for _, v := range values {
		clean = clean && allSafe(v)
	}
	if clean {
		return
	}
	var kept []string
	for _, v := range values {
		for option := range strings.SplitSeq(v, ",") {
			if option = trimOWS(option); safeOption(option) {
				kept = append(kept, option)
			}
		}
	}
	if len(kept) == 0 {
		delete(h, "Connection")
		return
	}
	h["Connection"] = []string{strings.Join(kept, ", ")}
}

func allSafe(value string) bool {
	for {
		option, rest, more := strings.Cut(value, ",")
		if !safeOption(trimOWS(option)) {
			return false
		}
		if !more {
			return true
		}
		value = rest
	}
}

func safeOption(option string) bool {
	return equalFold(option, "keep-alive") || equalFold(option, "close") || equalFold(option, "upgrade") ||
		equalFold(option, "te")
}

// equalFold is strings.EqualFold for ASCII only, so that no other character (such as the Kelvin sign) equals a letter.
func equalFold(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func trimOWS(s string) string { return strings.Trim(s, " \t") }
