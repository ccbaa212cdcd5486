package scrub

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// BadProtocol refuses CONNECT without a protocol, or with a protocol that the site does not permit.
const BadProtocol = Refusal("the connection may not be switched to this protocol")

// webSocket is the only protocol that is always permitted. Its handshake is a normal request for the rules, and what
// follows cannot contain further requests.
const webSocket = "websocket"

// upgrade deletes the request to switch to another protocol, unless the protocol is permitted. A server that accepts
// such a switch (to h2c, for instance) then talks with the client past all rules and headers (field trial 2.1). Only
// HTTP/1.1 has this header. In other versions it has no meaning and is deleted, so that the application does not act on
// it.
func upgrade(r *http.Request, permitted []string) {
	h := r.Header
	wish, wished := h["Upgrade"]
	if wished && len(wish) == 1 && r.ProtoMajor == 1 && r.ProtoMinor == 1 && mayBecome(wish[0], permitted) {
		return
	}
	if wished {
		delete(h, "Upgrade")
	}
	delete(h, "Http2-Settings")
	values := h["Connection"]
	for _, v := range values {
		if hasUpgrade(v) {
			withoutUpgrade(h, values)
			return
		}
	}
}

// connect refuses CONNECT, unless it opens a permitted protocol on a path of the site (RFC 8441, RFC 9220). It is
// refused and not changed, because nothing is left of the request without the protocol.
func connect(r *http.Request, permitted []string) error {
	if r.Method != http.MethodConnect {
		return nil
	}
	if protocol := ConnectProtocol(r); protocol == "" || !mayBecome(protocol, permitted) {
		return BadProtocol
	}
	return nil
}

// ConnectProtocol returns the pseudo-header :protocol of an extended CONNECT; empty for other requests. net/http stores
// it as a header, quic-go as the version.
func ConnectProtocol(r *http.Request) string {
	if r.Method != http.MethodConnect {
		return ""
	}
	if values := r.Header[":protocol"]; len(values) == 1 {
		return values[0]
	}
	if r.ProtoMajor == 3 && !strings.HasPrefix(r.Proto, "HTTP/") {
		return r.Proto
	}
	return ""
}

func mayBecome(protocol string, permitted []string) bool {
	return equalFold(protocol, webSocket) || slices.ContainsFunc(permitted, func(p string) bool { return equalFold(protocol, p) })
}

// hasUpgrade reports whether a Connection header that Connection has reduced contains the option upgrade.
func hasUpgrade(value string) bool {
	for len(value) > 0 {
		option, rest, _ := strings.Cut(value, ",")
		if equalFold(trimOWS(option), "upgrade") {
			return true
		}
		value = rest
	}
	return false
}

func withoutUpgrade(h http.Header, values []string) {
	var kept []string
	for _, v := range values {
		for option := range strings.SplitSeq(v, ",") {
			if option = trimOWS(option); !equalFold(option, "upgrade") {
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

var errHTTPItself = errors.New("a client that switches to HTTP or TLS speaks with the application past every rule")

// CheckUpgrade returns an error if a site may not permit a protocol. It accepts a token with an optional version, in
// lower case, that does not transport further requests or hide them.
func CheckUpgrade(protocol string) error {
	name, version, versioned := strings.Cut(protocol, "/")
	valid := name != "" && (!versioned || version != "")
	for _, part := range []string{name, version} {
		for i := range len(part) {
			valid = valid && isToken(part[i]) && (part[i] < 'A' || part[i] > 'Z')
		}
	}
	switch {
	case !valid:
		return fmt.Errorf("%q is no protocol such as websocket or spdy/3.1, in lower case", protocol)
	case name == "h2c" || name == "h2" || name == "h3" || name == "http" || name == "https" || name == "tls":
		return fmt.Errorf("%q: %w", protocol, errHTTPItself)
	}
	return nil
}
