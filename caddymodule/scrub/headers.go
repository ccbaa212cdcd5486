package scrub

import (
	"fmt"
	"net/http"
	"strings"
)

// maxName is the longest header name that can be configured, in bytes. Longer names of a client are only ever held
// against the prefixes.
const maxName = 96

// exactNames and namePrefixes are the headers in which some gateway tells an application who is there, folded. They
// are removed whatever the site sets itself: an application that reads one of them must never read it from a client.
var (
	exactNames = []string{
		"remote-user", "remote-email", "remote-name", "remote-groups",
		"x-forwarded-user", "x-forwarded-email", "x-forwarded-preferred-username", "x-forwarded-groups",
		"x-forwarded-name", "x-forwarded-access-token",
	}
	namePrefixes = []string{"x-remote-", "x-auth-request-", "x-latchkey-", "x-webauth-"}
)

// Names is the set of identity header names, compiled once when the configuration is loaded. It is immutable and
// safe for concurrent use.
type Names struct {
	exact map[string]struct{} // folded
	first [256]bool           // by raw first byte: may this be one of ours?
	size  [maxName + 1]bool   // by length: is there an exact name of it?
}

// NewNames compiles the fixed names and the given ones, which are what the sites set by themselves (`header <Name>
// <claim>`). A name that is no header token, that folds to nothing, or that HTTP itself needs is an error: removing
// Host, Cookie or Content-Length from every request would be a way to break a site, not to protect it.
func NewNames(configured ...string) (*Names, error) {
	n := &Names{exact: make(map[string]struct{}, len(exactNames)+len(configured))}
	for _, name := range exactNames {
		n.add(name)
	}
	for _, p := range namePrefixes {
		n.mayStartWith(p[0])
	}
	for _, name := range configured {
		if err := CheckName(name); err != nil {
			return nil, err
		}
		n.add(name)
	}
	return n, nil
}

// CheckName tells whether a header of this name may carry an identity.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("empty header name")
	case len(name) > maxName:
		return fmt.Errorf("header name is longer than %d bytes", maxName)
	}
	for i := range len(name) {
		if !isToken(name[i]) {
			return fmt.Errorf("header name %q: %q is not allowed in it", name, name[i])
		}
	}
	folded := foldString(name)
	if strings.Trim(folded, "-") == "" {
		return fmt.Errorf("header name %q has no letter or digit", name)
	}
	if _, ok := reserved[folded]; ok || strings.HasPrefix(folded, "sec-") {
		return fmt.Errorf("header %s has a meaning of its own and cannot carry an identity", name)
	}
	return nil
}

// Same tells whether two names are one header in different spellings.
func Same(a, b string) bool { return len(a) == len(b) && hasFoldedPrefix(a, foldString(b)) }

func foldString(name string) string {
	folded := make([]byte, len(name))
	for i := range folded {
		folded[i] = foldByte[name[i]]
	}
	return string(folded)
}

// reserved are headers that HTTP, Caddy or this gateway read themselves.
var reserved = map[string]struct{}{
	"accept": {}, "authorization": {}, "connection": {}, "content-encoding": {}, "content-length": {}, "content-type": {},
	"cookie": {}, "early-data": {}, "expect": {}, "forwarded": {}, "host": {}, "keep-alive": {}, "origin": {},
	"proxy-authenticate": {}, "proxy-authorization": {}, "proxy-connection": {}, "range": {}, "referer": {},
	"set-cookie": {}, "te": {}, "trailer": {}, "transfer-encoding": {}, "upgrade": {}, "user-agent": {}, "via": {},
	"x-forwarded-for": {}, "x-forwarded-host": {}, "x-forwarded-proto": {}, "x-requested-with": {},
}

func (n *Names) add(name string) {
	folded := foldString(name)
	n.exact[folded] = struct{}{}
	n.size[len(folded)] = true
	n.mayStartWith(folded[0])
}

func (n *Names) mayStartWith(folded byte) {
	if folded == '-' { // any separator may stand there
		for c := range len(n.first) {
			if foldByte[c] == '-' {
				n.first[c] = true
			}
		}
		return
	}
	n.first[folded] = true
	if folded >= 'a' && folded <= 'z' {
		n.first[folded-'a'+'A'] = true
	}
}

// Has tells whether name is an identity header in some spelling. Letter case is folded, and so is every character
// that is neither letter nor digit: CGI, WSGI, PHP and Rack see X_Forwarded_User, X.Forwarded.User and
// X-Forwarded-User as one variable (A06, A51, A52).
func (n *Names) Has(name string) bool {
	if len(name) == 0 || !n.first[name[0]] {
		return false
	}
	if len(name) <= maxName && n.size[len(name)] {
		var buf [maxName]byte
		if _, ok := n.exact[string(fold(&buf, name))]; ok {
			return true
		}
	}
	for _, p := range namePrefixes {
		if hasFoldedPrefix(name, p) {
			return true
		}
	}
	return false
}

// Headers deletes every identity header. It comes before any such header is set, never after.
func Headers(h http.Header, n *Names) {
	for name := range h {
		if n.Has(name) {
			delete(h, name)
		}
	}
}

func hasFoldedPrefix(name, folded string) bool {
	if len(name) < len(folded) {
		return false
	}
	for i := range len(folded) {
		if foldByte[name[i]] != folded[i] {
			return false
		}
	}
	return true
}

// fold writes the folded name, which is at most maxName long, into buf.
func fold(buf *[maxName]byte, name string) []byte {
	for i := range len(name) {
		buf[i] = foldByte[name[i]]
	}
	return buf[:len(name)]
}

var foldByte = func() (t [256]byte) {
	for c := range t {
		switch {
		case c >= 'A' && c <= 'Z':
			t[c] = byte(c) - 'A' + 'a'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			t[c] = byte(c)
		default:
			t[c] = '-'
		}
	}
	return t
}()

// isToken tells whether c may stand in a header name (RFC 9110 section 5.6.2).
func isToken(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
