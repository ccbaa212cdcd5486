package site

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// Field trial 2.7, 5.10: a request whose body is still to come, and an answer that sends nothing, end within a second of
// their session, over HTTP/1.1, HTTP/2 and HTTP/3; what comes late does not reach the application, and other people notice nothing.
func TestWhatIsUnderWayEndsWithTheSession(t *testing.T) {
	sessions := sessionsOn(t, redistest.Start(t).URL(0))
	type heard struct {
		person string
		body   string
		err    error
	}
	reached, heardOf := make(chan string, 4), make(chan heard, 4)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached <- r.URL.Path
		body, err := io.ReadAll(r.Body)
		if r.URL.Query().Has("silent") && err == nil {
			select {
			case <-r.Context().Done():
				err = r.Context().Err()
			case <-time.After(2500 * time.Millisecond):
			}
		}
		heardOf <- heard{r.URL.Path, string(body), err}
		_, _ = io.WriteString(w, "done")
	}))
	t.Cleanup(app.Close)
	target, _ := url.Parse(app.URL)
	h := &Site{Site: &config.Site{App: "wiki"}, SignIn: access.Site{App: "wiki"}}

	for _, version := range []string{"HTTP/1.1", "HTTP/2.0", "HTTP/3.0"} {
		for _, kind := range []string{"body", "silent"} {
			t.Run(version+" "+kind, func(t *testing.T) {
				people := map[string]*session.Record{}
				for _, name := range []string{"/ada", "/bob"} {
					who, _, err := sessions.Create(t.Context(), session.Record{Identity: session.Identity{Issuer: "i", Subject: name}}, session.Tokens{})
					if err != nil {
						t.Fatal(err)
					}
					people[name] = who
				}
				gateway := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Proto != version {
						t.Errorf("%s", r.Proto)
					}
					p := &request{identified: identified{live: people[r.URL.Path].Session()}, sessions: sessions}
					p.query.Time = time.Now()
					defer p.answer.end()
					if mayStayOpen(r) {
						t.Error("watched")
					}
					w, r = p.watchAnswer(h, w, r)
					(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) }}).ServeHTTP(w, r)
				}))
				gateway.EnableHTTP2 = version == "HTTP/2.0"
				gateway.StartTLS()
				t.Cleanup(gateway.Close)
				at := gateway.URL
				if version == "HTTP/3.0" {
					at = overQUIC(t, gateway)
				}

				ends := make(map[string]chan error)
				rest := make(map[string]*io.PipeWriter)
				for name := range people {
					client, done := roundTripper(gateway, version)
					t.Cleanup(done)
					end := make(chan error, 1)
					ends[name] = end
					method, reader, writer := http.MethodGet, io.Reader(http.NoBody), (*io.PipeWriter)(nil)
					if kind == "body" {
						method = http.MethodPost
						reader, writer = io.Pipe()
					}
					rest[name] = writer
					r, err := http.NewRequestWithContext(t.Context(), method, at+name+"?"+kind, reader)
					if err != nil {
						t.Fatal(err)
					}
					go func() {
						resp, err := client.RoundTrip(r)
						if err == nil {
							if _, err = io.ReadAll(resp.Body); err == nil && resp.StatusCode != http.StatusOK {
								err = io.ErrUnexpectedEOF
							}
							_ = resp.Body.Close()
						}
						end <- err
					}()
					if writer != nil {
						if _, err := io.WriteString(writer, "first "); err != nil {
							t.Fatal(err)
						}
					}
					<-reached
				}
				if err := sessions.End(t.Context(), people["/ada"]); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				got := <-heardOf
				if took := time.Since(began); got.person != "/ada" || got.err == nil || took > time.Second {
					t.Errorf("the application heard of %s, %v, after %v", got.person, got.err, took)
				}
				if rest["/ada"] != nil {
					go func(late *io.PipeWriter) { // the client may have given up the body
						_, _ = io.WriteString(late, "late")
						_ = late.Close()
					}(rest["/ada"])
				}
				if err := <-ends["/ada"]; err == nil {
					t.Error("the client got an answer")
				}
				if rest["/bob"] != nil {
					if _, err := io.WriteString(rest["/bob"], "second"); err != nil {
						t.Error(err)
					}
					_ = rest["/bob"].Close()
				}
				if got := <-heardOf; got.person != "/bob" || got.err != nil || kind == "body" && got.body != "first second" {
					t.Errorf("of the other person: %+v", got)
				}
				if err := <-ends["/bob"]; err != nil {
					t.Errorf("of the other person: %v", err)
				}
			})
		}
	}
	storetest.Until(t, "nothing is under way", func() bool { return inFlight.count.Load() == 0 && !inFlight.looking.Load() })
}

// overQUIC serves what a server serves by HTTP/3 as well, and returns the address.
func overQUIC(t *testing.T, s *httptest.Server) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http3.Server{TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: s.TLS.Certificates}), Handler: s.Config.Handler}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(conn) })
	t.Cleanup(func() { _ = server.Close(); _ = conn.Close(); serving.Wait() })
	return "https://" + conn.LocalAddr().String()
}

// roundTripper is a client of its own, which speaks one version.
func roundTripper(s *httptest.Server, version string) (client http.RoundTripper, done func()) {
	trusting := s.Client().Transport.(*http.Transport).Clone()
	if version != "HTTP/3.0" {
		return trusting, trusting.CloseIdleConnections
	}
	quick := &http3.Transport{TLSClientConfig: &tls.Config{RootCAs: trusting.TLSClientConfig.RootCAs}}
	return quick, func() { _ = quick.Close() }
}

// What is late in a body is not passed on, also if it comes before the clock has looked.
func TestLateBody(t *testing.T) {
	l := new(revocableWriter)
	l.over.Store(true)
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", strings.NewReader("late"))
	l.reads(r)
	if got, err := io.ReadAll(r.Body); err == nil || len(got) > 0 {
		t.Errorf("%q, %v", got, err)
	}
}

// An answer that its client does not read ends within a second of its session.
func TestAnswerThatIsNotReadEnds(t *testing.T) {
	sessions := sessionsOn(t, redistest.Start(t).URL(0))
	who, _, err := sessions.Create(t.Context(), session.Record{Identity: session.Identity{Issuer: "i", Subject: "ada"}}, session.Tokens{})
	if err != nil {
		t.Fatal(err)
	}
	h := &Site{Site: &config.Site{App: "wiki"}, SignIn: access.Site{App: "wiki"}}
	var written atomic.Int64
	ended := make(chan error, 1)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := &request{identified: identified{live: who.Session()}, sessions: sessions}
		p.query.Time = time.Now()
		defer p.answer.end()
		w, _ = p.watchAnswer(h, w, r)
		piece := make([]byte, 64<<10)
		for {
			n, err := w.Write(piece)
			if written.Add(int64(n)); err != nil {
				ended <- err
				return
			}
		}
	}))
	t.Cleanup(gateway.Close)
	client, err := net.Dial("tcp", gateway.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: wiki\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	last, same := int64(0), 0
	storetest.Until(t, "the answer waits for its client", func() bool {
		before := last
		if last = written.Load(); last != before {
			same = 0
		}
		same++
		return last > 0 && same > 50
	})
	if err := sessions.End(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the answer goes on to wait for its client")
	}
}
