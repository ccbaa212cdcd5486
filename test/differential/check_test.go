package differential

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// identityNames and identityPrefixes are headers, folded, from which some app takes who is there.
var (
	identityNames = []string{
		"remote-user", "remote-email", "remote-name", "remote-groups", "auth-type", "x-forwarded-user", "x-forwarded-email",
		"x-forwarded-groups", "x-forwarded-preferred-username", "x-forwarded-name", "x-forwarded-access-token",
	}
	identityPrefixes = []string{"x-remote-", "x-auth-request-", "x-latchkey-", "x-webauth-"}
)

// check says what is wrong about a request that reached the app. method and target are as the gateway wrote them, "" where
// no bytes of it were seen.
func check(k *kase, method, target string, readings []*reading) (wrong []string) {
	note := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	r := k.request
	if method != "" {
		// RFC 8441: a WebSocket is opened by GET over HTTP/1.1.
		if method != r.method && (r.connect == "" || r.method != "CONNECT" || method != "GET") {
			note("the app got the method %q", method)
		}
		if !k.rule.rewrites && strings.HasPrefix(r.target, "/") && !sameTarget(k, target) {
			note("the app got the target %q", target)
		}
	}
	for _, read := range readings {
		for _, w := range checkReading(k, read) {
			note("%s %s", read.server, w)
		}
	}
	return wrong
}

// sameTarget says that a target reached the app as it was sent: byte for byte, or with escapes for bytes that may not
// stand in a target.
func sameTarget(k *kase, got string) bool {
	if got == k.request.target || k.fixed {
		return got == k.request.target
	}
	path, query, _ := strings.Cut(got, "?")
	sent, sentQuery, _ := k.request.pathAndQuery()
	escaped, err1 := url.PathUnescape(path)
	plain, err2 := url.PathUnescape(sent)
	return err1 == nil && err2 == nil && escaped == plain && query == sentQuery
}

func checkReading(k *kase, read *reading) (wrong []string) {
	note := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if strings.HasPrefix(read.Method, "unreadable") {
		note("gave a reading that is %s", read.Method)
		return wrong
	}
	if k.rule.closed(read) {
		note("reads a request for the closed part: %s", read)
	}
	for _, p := range read.Paths {
		if strings.HasPrefix(p, "/.latchkey/") || p == "/.latchkey" {
			note("reads a path of the gateway's own: %q", p)
		}
	}
	for _, h := range read.Header {
		if w := checkHeader(k, read, folded(h[0]), h[1]); w != "" {
			note("reads %q: %q, %s", h[0], h[1], w)
		}
	}
	return wrong
}

func checkHeader(k *kase, read *reading, name, value string) string {
	scheme := "http"
	if k.request.proto == http2 || k.request.proto == http3 {
		scheme = "https"
	}
	for _, c := range k.cookies() {
		if _, secret, _ := strings.Cut(c.value, "="); strings.Contains(value, secret) {
			return "which is the session's cookie"
		}
	}
	switch name {
	case "remote-user":
		if k.rule.inPolicy && value == personName {
			return ""
		}
	case "remote-email":
		if k.rule.inPolicy && value == personEmail {
			return ""
		}
	case "remote-groups":
		if k.rule.inPolicy && value == "staff" {
			return ""
		}
	case "upgrade":
		if asciiLower(value) != "websocket" {
			return "which leaves HTTP"
		}
	case "x-forwarded-proto":
		if value != scheme {
			return "but it came by " + scheme
		}
	case "x-forwarded-host":
		if value != read.Host && value != k.request.host {
			return "which is not its host"
		}
	case "x-forwarded-for":
		if value != "127.0.0.1" {
			return "which is not where it came from"
		}
	case "x-real-ip", "true-client-ip":
		return "which only a proxy may say"
	}
	if slices.Contains(identityNames, name) ||
		slices.ContainsFunc(identityPrefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
		return "which the client said"
	}
	return ""
}

func (r *reading) String() string {
	return fmt.Sprintf("methods %q, paths %q, query %q, host %q, routes %q, X-Tenant %q", r.methods(), r.Paths, r.Query, r.Host, r.Routes, r.values("x-tenant"))
}
