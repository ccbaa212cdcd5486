package rig

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// HTTP is a client that does nothing by itself: it follows no redirect, keeps what Set-Cookie says for each host
// whatever its attributes, and sends what it is told. Names under test and localhost lead to 127.0.0.1;
// certificates are not checked.
type HTTP struct {
	t       testing.TB
	cookies map[string]map[string]string // host name, cookie name, value
	client  *http.Client
}

// Call is one request to make.
type Call struct {
	Method string // default GET, or POST with a Form or Body
	URL    string
	Header http.Header // sent as spelt, underscores and case included
	Form   url.Values  // sent as the body
	Body   io.Reader
	// Navigate adds the headers of a top-level navigation.
	Navigate bool
	// Bare sends no cookies and keeps none.
	Bare bool
}

// Reply is the answer to a call.
type Reply struct {
	*http.Response
	Text string
	At   *url.URL // the address that was asked
}

// Navigation is what a browser adds to a top-level navigation from another page of the same site.
func Navigation() http.Header {
	return http.Header{
		"Accept":                    {"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"},
		"Sec-Fetch-Mode":            {"navigate"},
		"Sec-Fetch-Dest":            {"document"},
		"Sec-Fetch-Site":            {"none"},
		"Sec-Fetch-User":            {"?1"},
		"Upgrade-Insecure-Requests": {"1"},
		"User-Agent":                {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0.0.0 Safari/537.36"},
	}
}

// NewHTTP returns a client without cookies.
func NewHTTP(t testing.TB) *HTTP {
	t.Helper()
	dialer := &net.Dialer{Timeout: Patience}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // a test against our own loopback server
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(addr)
			if err == nil && (host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".test")) {
				addr = net.JoinHostPort("127.0.0.1", port)
			}
			return dialer.DialContext(ctx, network, addr)
		},
		DisableCompression: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &HTTP{t: t, cookies: map[string]map[string]string{}, client: &http.Client{
		Transport: transport, Timeout: Patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Patience is how long a request may take from now on; the default is a minute.
func (c *HTTP) Patience(d time.Duration) { c.client.Timeout = d }

// Copy returns another client with the same cookies: what a thief would have.
func (c *HTTP) Copy(t testing.TB) *HTTP {
	out := NewHTTP(t)
	for host, jar := range c.cookies {
		out.cookies[host] = maps.Clone(jar)
	}
	return out
}

// Cookie returns the value kept for a host, or "".
func (c *HTTP) Cookie(host, name string) string { return c.cookies[host][name] }

// SetCookie keeps a value; an empty one removes the cookie.
func (c *HTTP) SetCookie(host, name, value string) {
	if c.cookies[host] == nil {
		c.cookies[host] = map[string]string{}
	}
	if value == "" {
		delete(c.cookies[host], name)
		return
	}
	c.cookies[host][name] = value
}

// Names returns the names of the cookies kept for a host that begin with a prefix.
func (c *HTTP) Names(host, prefix string) []string {
	var out []string
	for name := range c.cookies[host] {
		if strings.HasPrefix(name, prefix) {
			out = append(out, name)
		}
	}
	return out
}

// Do makes one request.
func (c *HTTP) Do(call Call) Reply {
	c.t.Helper()
	r, err := c.Try(call)
	if err != nil {
		c.t.Fatalf("%s %s: %v", call.Method, call.URL, err)
	}
	return r
}

// Try is Do for a request whose failure is an answer.
func (c *HTTP) Try(call Call) (Reply, error) {
	body := call.Body
	if call.Form != nil {
		body = strings.NewReader(call.Form.Encode())
	}
	if call.Method == "" {
		call.Method = http.MethodGet
		if body != nil {
			call.Method = http.MethodPost
		}
	}
	req, err := http.NewRequest(call.Method, call.URL, body)
	if err != nil {
		return Reply{}, fmt.Errorf("making the request: %w", err)
	}
	if call.Navigate {
		req.Header = Navigation()
	}
	if call.Form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range call.Header {
		if strings.EqualFold(k, "host") {
			req.Host = v[0]
			continue
		}
		req.Header[k] = v
	}
	host := req.URL.Hostname()
	if _, given := req.Header["Cookie"]; !given && !call.Bare {
		for name, value := range c.cookies[host] {
			req.AddCookie(&http.Cookie{Name: name, Value: value})
		}
	}
	resp, err := c.client.Do(req)
	if err != nil && body == nil && call.Method == http.MethodGet {
		// A connection that was kept from before a restart of the server is no answer.
		c.client.CloseIdleConnections()
		resp, err = c.client.Do(req)
	}
	if err != nil {
		return Reply{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return Reply{}, fmt.Errorf("reading the answer: %w", err)
	}
	if !call.Bare {
		for _, ck := range resp.Cookies() {
			if ck.MaxAge < 0 || (!ck.Expires.IsZero() && ck.Expires.Before(time.Now())) {
				c.SetCookie(host, ck.Name, "")
			} else {
				c.SetCookie(host, ck.Name, ck.Value)
			}
		}
	}
	return Reply{Response: resp, Text: string(text), At: req.URL}, nil
}

// Get makes a GET that looks like a navigation.
func (c *HTTP) Get(url string) Reply { c.t.Helper(); return c.Do(Call{URL: url, Navigate: true}) }

// Location returns where the reply sends a browser on to, by Location or by Refresh, as an absolute address, or nil.
func (r Reply) Location() *url.URL {
	loc := r.Header.Get("Location")
	if r.StatusCode < 300 || r.StatusCode > 399 {
		_, loc, _ = strings.Cut(r.Header.Get("Refresh"), "url=")
	}
	if loc == "" {
		return nil
	}
	u, err := r.At.Parse(loc)
	if err != nil {
		return nil
	}
	return u
}

// Follow follows a reply's redirects, at most twenty, until something is no redirect or leads to an address that stop
// accepts; nil stops nowhere. The last reply is returned.
func (c *HTTP) Follow(r Reply, stop func(*url.URL) bool) Reply {
	c.t.Helper()
	for range 20 {
		loc := r.Location()
		if loc == nil || (stop != nil && stop(loc)) {
			return r
		}
		r = c.Get(loc.String())
	}
	c.t.Fatalf("more than twenty redirects; the last one to %s", r.Location())
	return r
}
