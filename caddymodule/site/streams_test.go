package site

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"golang.org/x/net/websocket"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// sessionsOn is a replica's manager over a Redis.
func sessionsOn(t *testing.T, url string) *session.Manager {
	t.Helper()
	store, err := redisstore.Open(redisstore.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.New(bytes.Repeat([]byte("k"), keyring.MinSecret))
	if err != nil {
		t.Fatal(err)
	}
	m := session.NewManager(session.ManagerConfig{Store: store, Keys: ring, Recheck: 5 * time.Second, OutageGrace: time.Minute})
	t.Cleanup(func() { m.Close(); _ = store.Close() })
	return m
}

// What is open when its session ends is closed within a second, whichever replica the session was ended on (A22).
func TestStreamsEndWithTheSession(t *testing.T) {
	db := redistest.Start(t).URL(0)
	here, there := sessionsOn(t, db), sessionsOn(t, db)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ws" {
			websocket.Server{Handler: func(ws *websocket.Conn) { _, _ = io.Copy(ws, ws) }}.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			fmt.Fprint(w, "data: x\n\n")
			w.(http.Flusher).Flush()
			if r.URL.Path == "/silent" {
				<-r.Context().Done()
				return
			}
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
		}
	}))
	t.Cleanup(app.Close)
	target, _ := url.Parse(app.URL)
	h := &Site{Site: &config.Site{App: "wiki"}, SignIn: access.Site{App: "wiki"}}

	for _, path := range []string{"/ws", "/events", "/silent", "/download"} {
		for name, ended := range map[string]*session.Manager{"here": here, "on the other replica": there} {
			t.Run(path[1:]+" "+name, func(t *testing.T) {
				who, _, err := here.Create(t.Context(), session.Record{Identity: session.Identity{Issuer: "i", Subject: "ada"}}, session.Tokens{})
				if err != nil {
					t.Fatal(err)
				}
				other, _, err := here.Create(t.Context(), session.Record{Identity: session.Identity{Issuer: "i", Subject: "bob"}}, session.Tokens{})
				if err != nil {
					t.Fatal(err)
				}
				open := func(who *session.Record) *bufio.Reader {
					gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						p := &request{identified: identified{live: who.Session()}, sessions: here}
						proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) }}
						if watched := path != "/download"; watched != mayStayOpen(r) {
							t.Errorf("watched: %v, want %v", !watched, watched)
						}
						if path == "/download" {
							defer p.answer.end()
							proxy.ServeHTTP(p.watchAnswer(h, w, r))
							return
						}
						_ = p.newStream(h, w, r).serve(r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
							proxy.ServeHTTP(w, r)
							return nil
						}))
					}))
					t.Cleanup(gateway.Close)
					conn, err := net.Dial("tcp", strings.TrimPrefix(gateway.URL, "http://"))
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { _ = conn.Close() })
					header := "Accept: text/event-stream\r\n"
					if path == "/download" {
						header = "Accept: */*\r\n"
					}
					if path == "/ws" {
						header = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
							"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://wiki.example.com\r\n"
					}
					fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: wiki.example.com\r\n%s\r\n", path, header)
					_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
					reader := bufio.NewReader(conn)
					if line, err := reader.ReadString('\n'); err != nil || !strings.Contains(line, " 101 ") && !strings.Contains(line, " 200 ") {
						t.Fatalf("%q, %v", line, err)
					}
					return reader
				}
				stream, others := open(who), open(other)
				watched := 2
				if path == "/download" {
					watched = 0
				}
				storetest.Until(t, "the streams are watched", func() bool { return here.Known().Watched == watched })
				if err := ended.End(t.Context(), who); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				if _, err := io.Copy(io.Discard, stream); err != nil && strings.Contains(err.Error(), "timeout") {
					t.Fatal("still open")
				}
				took := time.Since(began)
				t.Logf("closed after %v", took)
				if took > time.Second {
					t.Errorf("closed after %v", took)
				}
				if known := here.Known(); known.Watched != watched/2 {
					t.Errorf("%d sessions are watched, want that of the other person alone", known.Watched)
				}
				if _, err := others.Peek(1); err != nil {
					t.Errorf("somebody else's stream: %v", err)
				}
			})
		}
	}
}

type told []signinlog.Record

func (t *told) Write(r signinlog.Record) { *t = append(*t, r) }

// A stream that outlives a reload is ended by what it was opened under; the configuration that runs is told.
func TestEndedIdleAfterAReload(t *testing.T) {
	var before, after told
	old, reloaded := signin.New(access.Config{Log: &before}), signin.New(access.Config{Log: &after})
	var current *signin.Service
	h := &Site{
		Site: &config.Site{App: "wiki"}, Tenant: &Tenant{
			Service: func() (*signin.Service, error) { return old, nil }, Current: func() *signin.Service { return current },
		},
		SignIn: access.Site{App: "wiki", Idle: []access.IdleSignOut{{Warn: time.Minute, After: time.Hour}}},
	}
	o := &streamTerms{site: h, ip: netip.MustParseAddr("192.0.2.1"), userAgent: "Browser"}
	who := &session.Record{Identity: session.Identity{Issuer: "i", Subject: "ada"}}
	if limit := o.IdleLimit(new(session.Session)); limit != time.Hour || o.App() != "wiki" {
		t.Errorf("held to %v at %s", limit, o.App())
	}
	o.EndedIdle(who, time.Hour) // nothing runs any more
	current = reloaded
	o.EndedIdle(who, time.Hour)
	if len(before) != 1 || len(after) != 1 {
		t.Fatalf("the old one is told %d times, the current one %d", len(before), len(after))
	}
	if r := after[0]; r.Code != signinlog.SessionExpired || r.App != "wiki" || r.IP != "192.0.2.1" || r.UserAgent != "Browser" || r.Interactive {
		t.Errorf("entry: %+v", r)
	}
}

// What is written after the end is refused on every way to write, whatever is wrapped around the connection.
func TestStreamWriter(t *testing.T) {
	inner := httptest.NewRecorder()
	w := &stream{ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: inner}}
	if _, err := io.Copy(w, strings.NewReader("before")); err != nil || inner.Body.String() != "before" {
		t.Fatalf("%q, %v", inner.Body, err)
	}
	w.over.Store(true)
	_, write := io.WriteString(w, "x")
	_, read := w.ReadFrom(strings.NewReader("x"))
	for what, err := range map[string]error{"write": write, "read from": read, "flush": http.NewResponseController(w).Flush()} {
		if !errors.Is(err, errSessionOver) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if inner.Body.String() != "before" || innermost(w) != http.ResponseWriter(inner) {
		t.Errorf("%q was written", inner.Body)
	}
}

// A connection that was taken over ends for its client with the session, at once and without the proxy, which may have to wait until
// thousands of others are tidied up. So does one that is taken over too late.
func TestStreamsAreCutOff(t *testing.T) {
	sessions := sessionsOn(t, redistest.Start(t).URL(0))
	h := &Site{Site: &config.Site{App: "wiki"}, SignIn: access.Site{App: "wiki"}}
	for _, late := range []bool{false, true} {
		for name, start := range map[string]func(*httptest.Server){"plain": (*httptest.Server).Start, "TLS": (*httptest.Server).StartTLS} {
			t.Run(fmt.Sprintf("%s, late: %v", name, late), func(t *testing.T) {
				who, _, err := sessions.Create(t.Context(), session.Record{Identity: session.Identity{Issuer: "i", Subject: "ada"}}, session.Tokens{})
				if err != nil {
					t.Fatal(err)
				}
				taken, over := make(chan *stream), make(chan struct{})
				gateway := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					p := &request{identified: identified{live: who.Session()}, sessions: sessions}
					s := p.newStream(h, w, r)
					_ = s.serve(r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
						if late {
							taken <- s
							<-over
						}
						conn, _, err := http.NewResponseController(w).Hijack()
						if err != nil {
							t.Error(err)
							return err
						}
						defer conn.Close()
						if !late {
							taken <- s
						}
						<-over
						return nil
					}))
				}))
				start(gateway)
				t.Cleanup(gateway.Close)
				conn, err := net.Dial("tcp", gateway.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				if name == "TLS" {
					conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // of the test
				}
				t.Cleanup(func() { _ = conn.Close() })
				fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: wiki.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
				s := <-taken
				cut, _ := s.Over(session.ErrNotFound)
				if cut == late {
					t.Errorf("cut off: %v", cut)
				}
				if late {
					close(over)
				} else {
					defer close(over)
				}
				_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
				if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("the client is not cut off: %v", err)
				}
			})
		}
	}
}

func TestMayStayOpen(t *testing.T) {
	for _, row := range []struct {
		method string
		header []string
		want   bool
	}{
		{"GET", []string{"Accept", "text/html"}, false},
		{"GET", []string{"Accept", "*/*", "Content-Type", "application/json"}, false},
		{"GET", []string{"Upgrade", "websocket"}, true},
		{"GET", []string{"Accept", "text/html, text/event-stream"}, true},
		{"POST", []string{"Content-Type", "application/grpc+proto"}, true},
		{"CONNECT", []string{":protocol", "websocket"}, true},
	} {
		r := &http.Request{Method: row.method, Header: http.Header{}}
		for i := 0; i < len(row.header); i += 2 {
			r.Header[row.header[i]] = []string{row.header[i+1]}
		}
		if got := mayStayOpen(r); got != row.want {
			t.Errorf("%s %q: %v", row.method, row.header, got)
		}
	}
}
