package differential

import (
	"fmt"
	"slices"
	"strings"
)

// The protocols of a client.
const (
	http10 = "HTTP/1.0"
	http11 = "HTTP/1.1"
	http2  = "HTTP/2"
	http3  = "HTTP/3"
)

type field struct{ name, value string }

// request is what a client sends, before it has a form on a wire. Nothing in it need be valid.
type request struct {
	proto  string
	method string
	target string
	host   string
	// connect is the pseudo header :protocol of an extended CONNECT (RFC 8441, RFC 9220); HTTP/2 and 3 alone.
	connect string
	header  []field
	body    string
}

func (r *request) clone() *request {
	out := *r
	out.header = slices.Clone(r.header)
	return &out
}

func (r *request) add(name, value string) { r.header = append(r.header, field{name, value}) }

// pathAndQuery splits the target at the first question mark.
func (r *request) pathAndQuery() (path, query string, has bool) { return strings.Cut(r.target, "?") }

func (r *request) setPath(f func(string) string) {
	p, q, has := r.pathAndQuery()
	r.target = f(p)
	if has {
		r.target += "?" + q
	}
}

func (r *request) setQuery(f func(string) string) {
	p, q, _ := r.pathAndQuery()
	r.target = p + "?" + f(q)
}

// wire1 is the request in HTTP/1.0 or 1.1.
func (r *request) wire1(id string, more ...field) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\r\nHost: %s\r\n", r.method, r.target, r.proto, r.host)
	for _, h := range slices.Concat(r.header, more) {
		fmt.Fprintf(&b, "%s: %s\r\n", h.name, h.value)
	}
	body := r.body
	if r.framed() {
		body += "0\r\n\r\n" // enough for whatever length was said
	} else if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	fmt.Fprintf(&b, "X-Case: %s\r\n\r\n%s", id, body)
	return []byte(b.String())
}

// framed says that the request's own headers say how long it is, which need not be so.
func (r *request) framed() bool {
	return slices.ContainsFunc(r.header, func(h field) bool {
		name := asciiLower(h.name)
		return name == "content-length" || name == "transfer-encoding"
	})
}

// fields is the request in HTTP/2 and HTTP/3: header names are in lower case there.
func (r *request) fields(id, scheme string, more ...field) []field {
	out := []field{{":method", r.method}}
	if r.connect != "" {
		out = append(out, field{":protocol", r.connect})
	}
	out = append(out, field{":scheme", scheme}, field{":path", r.target}, field{":authority", r.host})
	for _, h := range slices.Concat(r.header, more) {
		out = append(out, field{asciiLower(h.name), h.value})
	}
	return append(out, field{"x-case", id})
}

// String is how a failure is printed.
func (r *request) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q %q host %q", r.proto, r.method, r.target, r.host)
	if r.connect != "" {
		fmt.Fprintf(&b, " :protocol %q", r.connect)
	}
	for _, h := range r.header {
		fmt.Fprintf(&b, "\n  %q: %q", h.name, h.value)
	}
	if r.body != "" {
		fmt.Fprintf(&b, "\n  body of %d bytes", len(r.body))
	}
	return b.String()
}
