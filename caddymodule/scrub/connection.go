package scrub

import (
	"net/http"
	"strings"
)

// Connection reduces the Connection header to the options that say something about the connection itself: close,
// keep-alive, te and upgrade. Everything else in it names a header, and a proxy deletes a header that is named there
// from the request, also one that was set after the client had spoken: `Connection: Remote-User` would make a
// signed-in request an anonymous one (A50). The named headers themselves stay, so that nobody's headers can be
// removed this way; the identity headers among them are deleted by Headers.
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

// equalFold is strings.EqualFold for ASCII alone, where no Kelvin sign equals a k.
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
