package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// seen is one request that went to the provider.
type seen struct {
	method, path string
	query, form  url.Values
	status       int
	answer       map[string]any // of a JSON answer
}

// tap stands before the provider and remembers what goes through. Closed, it refuses connections as a provider does that
// is out.
type tap struct {
	addr   string
	t      testing.TB
	proxy  *httputil.ReverseProxy
	mu     sync.Mutex
	server *http.Server
	log    []seen
}

func newTap(t testing.TB, port, behind int) *tap {
	target := &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", behind)}
	p := &tap{addr: fmt.Sprintf("127.0.0.1:%d", port), t: t}
	p.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			host := r.In.Host
			r.SetURL(target)
			r.Out.Host = host
		},
		// No connection is kept: one to a provider that has restarted meanwhile would get no answer.
		Transport:      &http.Transport{DisableKeepAlives: true},
		ModifyResponse: p.note,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "the provider does not answer: "+err.Error(), http.StatusBadGateway)
		},
	}
	p.open()
	t.Cleanup(p.close)
	return p
}

type formKey struct{}

func (p *tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		http.Error(w, "reading the request: "+err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		form = nil // JSON, as some login pages send
	}
	p.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), formKey{}, form)))
}

func (p *tap) note(resp *http.Response) error {
	r := resp.Request
	form, _ := r.Context().Value(formKey{}).(url.Values)
	s := seen{method: r.Method, path: r.URL.Path, query: r.URL.Query(), form: form, status: resp.StatusCode}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") && resp.Header.Get("Content-Encoding") == "" {
		body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(body))
		_ = json.Unmarshal(body, &s.answer) // what is no object is not looked at
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, s)
	return nil
}

func (p *tap) open() {
	p.t.Helper()
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		p.t.Fatalf("listening before the provider: %v", err)
	}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	go func(s *http.Server) { _ = s.Serve(l) }(p.server)
}

func (p *tap) close() {
	if p.server != nil {
		_ = p.server.Close()
		p.server = nil
	}
}

// mark returns a place in the log.
func (p *tap) mark() int { p.mu.Lock(); defer p.mu.Unlock(); return len(p.log) }

// since returns what went through since a mark and fits.
func (p *tap) since(mark int, fits func(seen) bool) []seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []seen
	for _, s := range p.log[mark:] {
		if fits(s) {
			out = append(out, s)
		}
	}
	return out
}

func grant(kind string) func(seen) bool {
	return func(s seen) bool { return s.form.Get("grant_type") == kind }
}

// text is a field of the answer, or "".
func (s seen) text(field string) string { v, _ := s.answer[field].(string); return v }
