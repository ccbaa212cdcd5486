package differential

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
)

// reading is what one server understood of a request, before anybody asks what that means.
type reading struct {
	server string
	Method string      `json:"method"`
	Target string      `json:"target"`
	Paths  []string    `json:"paths"` // decoded, in each way that the server has
	Query  [][2]string `json:"query"` // decoded, in each way that the server has
	Host   string      `json:"host"`
	Header [][2]string `json:"header"`
	Routes []string    `json:"routes"` // of the server's own router or configuration
}

func decodeReading(server, text string) (*reading, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	r := &reading{server: server}
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, err
	}
	if r.Method == "" || r.Target == "" {
		return nil, errors.New("no method or no target in it")
	}
	return r, nil
}

func encodeReading(r *reading) string {
	raw, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings alone
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// folded is a header name as CGI reads it, in lower case.
func folded(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'A' && c <= 'Z':
			return c - 'A' + 'a'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		}
		return '-'
	}, name)
}

// values are what the app reads in a header, whichever spelling the name has.
func (r *reading) values(name string) (out []string) {
	for _, h := range r.Header {
		if folded(h[0]) == name {
			out = append(out, h[1])
		}
	}
	return out
}

// methods are the methods that an app may read: frameworks turn a method to upper case, and some take one from a header.
func (r *reading) methods() []string {
	out := []string{strings.ToUpper(r.Method)}
	for _, name := range []string{"x-http-method-override", "x-http-method", "x-method-override"} {
		for _, v := range r.values(name) {
			out = append(out, strings.ToUpper(strings.TrimSpace(v)))
		}
	}
	return out
}

// paths are the paths that an app may read, in lower case: as decoded, with repeated slashes and without, and from the
// headers in which some servers are told another one.
func (r *reading) paths() []string {
	all := slices.Clone(r.Paths) // what follows changes it
	for _, name := range []string{"x-original-url", "x-original-uri", "x-rewrite-url", "x-forwarded-uri"} {
		for _, v := range r.values(name) {
			v, _, _ = strings.Cut(v, "?")
			if p, err := url.PathUnescape(v); err == nil {
				all = append(all, p)
			}
		}
	}
	for i, p := range all {
		all[i] = asciiLower(p)
		if merged := mergeSlashes(all[i]); merged != all[i] {
			all = append(all, merged)
		}
	}
	return all
}

// hosts are the hosts that an app may read, without case, port and trailing dot.
func (r *reading) hosts() (out []string) {
	for _, h := range append(r.values("x-forwarded-host"), r.Host) {
		for one := range strings.SplitSeq(h, ",") {
			one = asciiLower(strings.TrimSpace(one))
			if i := strings.LastIndexByte(one, ':'); i >= 0 {
				one = one[:i]
			}
			out = append(out, strings.TrimSuffix(one, "."))
		}
	}
	for _, v := range r.values("forwarded") {
		if _, host, ok := strings.Cut(asciiLower(v), "host="); ok {
			host, _, _ = strings.Cut(host, ";")
			out = append(out, strings.Trim(host, `" `))
		}
	}
	return out
}

func (r *reading) hasQuery(name, value string) bool {
	return slices.Contains(r.Query, [2]string{name, value})
}

func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c - 'A' + 'a'
		}
	}
	return string(b)
}

func mergeSlashes(p string) string {
	for strings.Contains(p, "//") {
		p = strings.ReplaceAll(p, "//", "/")
	}
	return p
}

// cgiQuery reads a query as programs do that split it themselves: at each &, at the first =, and what is no escape stays
// as it is.
func cgiQuery(query string) (out [][2]string) {
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		k, v, _ := strings.Cut(pair, "=")
		out = append(out, [2]string{cgiUnescape(k), cgiUnescape(v)})
	}
	return out
}

func cgiUnescape(s string) string {
	s = strings.ReplaceAll(s, "+", " ")
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := url.PathUnescape(s[i : i+3]); err == nil {
				out.WriteString(c)
				i += 2
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}
