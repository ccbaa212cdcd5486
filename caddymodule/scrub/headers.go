package scrub

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// maxName is the longest header name that can be configured, in bytes. Longer names in a request are only compared with
// the prefixes.
const maxName = 96

// exactNames and namePrefixes, folded, are headers by which gateways tell an application who the user is. They are
// always removed, even if the site does not set them: an application that reads one of them must not read a client's
// value, for example after a move from another gateway (field trial 2.8).
var (
	exactNames = []string{
		"remote-user", "remote-email", "remote-name", "remote-groups",
		"x-forwarded-user", "x-forwarded-email", "x-forwarded-preferred-username", "x-forwarded-groups",
		"x-forwarded-name", "x-forwarded-access-token",
		"x-auth-userid", "x-auth-username", "x-auth-email", "x-auth-name", "x-auth-roles", "x-auth-groups", "x-auth-subject",
		"x-token-subject", "x-userinfo", "x-consumer-id", "x-consumer-username", "x-consumer-custom-id", "x-consumer-groups",
		"x-authenticated-userid", "x-authenticated-groups", "teleport-jwt-assertion",
	}
	namePrefixes = []string{
		"x-remote-", "x-auth-request-", "x-latchkey-", "x-webauth-",
		"x-authentik-", "cf-access-", "x-pomerium-", "x-goog-authenticated-user-", "x-goog-iap-", "x-ms-client-principal",
		"x-ms-token-", "x-amzn-oidc-", "tailscale-", "x-vouch-", "x-token-user-", "oidc-claim-", "oidc-access-token",
		"oidc-id-token", "oidc-refresh-token",
	}
)

// overrides are headers that make some frameworks see another method, path or host than the request has, folded. Rules
// do not read them, so they are removed too (field trial 2.8). X-Forwarded-Host is not in the list: Caddy sets it
// itself.
var overrides = []string{
	"x-http-method-override", "x-http-method", "x-method-override", "x-original-method", "x-forwarded-method",
	"x-envoy-original-method",
	"x-original-url", "x-original-uri", "x-original-path", "x-rewrite-url", "x-rewrite-uri", "x-forwarded-uri", "x-forwarded-url",
	"x-forwarded-path", "x-envoy-original-path", "x-script-name", "x-path-info", "x-request-uri", "x-override-url", "x-proxy-url",
	"x-original-host", "x-forwarded-original-host", "x-forwarded-server", "x-http-host-override", "x-host", "x-host-override",
}

// Names is a set of header names to remove, compiled when the configuration is loaded. It is immutable and safe for
// concurrent use.
type Names struct {
	configured *table
	behind     bool // for a trusted proxy: see Behind
}

// fixed contains the names that every site removes from every request. known contains fixed and the names that only a
// trusted proxy may send.
var (
	fixed = newTable([][]string{exactNames, overrides}, namePrefixes)
	known = newTable([][]string{exactNames, overrides, forwarded, forwardedAddresses, forwardedCertificates, forwardedByCaddy},
		namePrefixes, forwardedPrefixes)
)

func newTable(exact [][]string, prefixes ...[]string) *table {
	t := &table{exact: make(map[string]struct{})}
	for _, names := range exact {
		for _, name := range names {
			t.add(name)
		}
	}
	for _, names := range prefixes {
		for _, name := range names {
			t.addPrefix(name)
		}
	}
	return t
}

// NewNames compiles the fixed names and the configured ones, which are the headers that sites set (`header <Name>
// <claim>`). A name is an error if it is not a header token, is empty after folding, or is needed by HTTP itself:
// removing Host, Cookie or Content-Length from every request would break the site.
func NewNames(configured ...string) (*Names, error) {
	n := new(Names)
	for _, name := range configured {
		if err := CheckName(name); err != nil {
			return nil, err
		}
		if n.configured == nil {
			n.configured = &table{exact: make(map[string]struct{}, len(configured))}
		}
		n.configured.add(name)
	}
	return n, nil
}

// Has reports whether name is an identity header, an override or a proxy header, in any spelling. Case is ignored, and
// so is every character that is neither letter nor digit: for CGI, WSGI, PHP and Rack, X_Forwarded_User,
// X.Forwarded.User and X-Forwarded-User are the same variable (A06, A51, A52).
func (n *Names) Has(name string) bool {
	// Most names are in no table; the first check is enough for them.
	return known.has(name) && (fixed.has(name) || n.forwards(name)) || n.configured != nil && n.configured.has(name)
}

// table is a fast set of names. Most headers of a request differ from all names in the first byte, or in the length.
type table struct {
	exact    map[string]struct{}     // folded
	first    [256]bool               // by raw first byte: can a name begin with it?
	prefixes [initials][]string      // by folded first byte
	size     [maxName + 1]initialSet // by length: the first bytes of the exact names with this length
}

// initials is the number of first bytes of folded names that are distinguished: each letter, and one for all others.
const initials = 27

type initialSet uint32

// initial returns the number of a folded first byte.
func initial(folded byte) int {
	if folded >= 'a' && folded <= 'z' {
		return int(folded - 'a')
	}
	return initials - 1
}

// CheckName returns an error if a header with this name cannot carry an identity.
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
	if _, ok := reserved[folded]; ok || slices.Contains(overrides, folded) || slices.Contains(forwarded, folded) ||
		slices.Contains(forwardedAddresses, folded) || strings.HasPrefix(folded, "sec-") {
		return fmt.Errorf("header %s has a meaning of its own and cannot carry an identity", name)
	}
	return nil
}

// Same reports whether two names are spellings of the same header.
func Same(a, b string) bool { return len(a) == len(b) && hasFoldedPrefix(a, foldString(b)) }

func foldString(name string) string {
	folded := make([]byte, len(name))
	for i := range folded {
		folded[i] = foldByte[name[i]]
	}
	return string(folded)
}

// reserved are headers that HTTP, Caddy or Latchkey itself reads.
var reserved = map[string]struct{}{
	"accept": {}, "authorization": {}, "connection": {}, "content-encoding": {}, "content-length": {}, "content-type": {},
	"cookie": {}, "early-data": {}, "expect": {}, "host": {}, "keep-alive": {}, "origin": {},
	"proxy-authenticate": {}, "proxy-authorization": {}, "proxy-connection": {}, "range": {}, "referer": {},
	"set-cookie": {}, "te": {}, "trailer": {}, "transfer-encoding": {}, "upgrade": {}, "user-agent": {}, "via": {},
	"x-forwarded-for": {}, "x-forwarded-host": {}, "x-forwarded-proto": {}, "x-requested-with": {},
}

func (t *table) add(name string) {
	folded := foldString(name)
	t.exact[folded] = struct{}{}
	t.size[len(folded)] |= 1 << initial(folded[0])
	t.mayStartWith(folded[0])
}

// addPrefix adds all names that begin with prefix, which is folded.
func (t *table) addPrefix(prefix string) {
	t.mayStartWith(prefix[0])
	t.prefixes[initial(prefix[0])] = append(t.prefixes[initial(prefix[0])], prefix)
}

func (t *table) mayStartWith(folded byte) {
	if folded == '-' { // any separator is possible here
		for c := range len(t.first) {
			if foldByte[c] == '-' {
				t.first[c] = true
			}
		}
		return
	}
	t.first[folded] = true
	if folded >= 'a' && folded <= 'z' {
		t.first[folded-'a'+'A'] = true
	}
}

func (t *table) has(name string) bool {
	if len(name) == 0 || !t.first[name[0]] {
		return false
	}
	kind := initial(foldByte[name[0]])
	if len(name) <= maxName && t.size[len(name)]&(1<<kind) != 0 {
		var buf [maxName]byte
		if _, ok := t.exact[string(fold(&buf, name))]; ok {
			return true
		}
	}
	for _, p := range t.prefixes[kind] {
		if hasFoldedPrefix(name, p) {
			return true
		}
	}
	return false
}

// Headers deletes every identity header, every override and every header that only a trusted proxy may send. It must
// run before any such header is set.
//
// It trims spaces around values. HTTP/2 and HTTP/3 transport them, but HTTP/1.1, and so the application, does not: a
// rule would compare another value than the application reads (RFC 9113, section 8.2.1).
func Headers(h http.Header, n *Names) {
	for name, values := range h {
		if n.Has(name) {
			delete(h, name)
			continue
		}
		for i, v := range values {
			if v != "" && (blank(v[0]) || blank(v[len(v)-1])) {
				values[i] = trimOWS(v)
			}
		}
	}
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

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

// fold writes the folded name into buf. The name is at most maxName bytes long.
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

// isToken reports whether c is allowed in a header name (RFC 9110 section 5.6.2).
func isToken(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
