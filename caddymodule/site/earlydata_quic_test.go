package site

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// heldConn is the client's end of a QUIC connection. While it is held it reads nothing, so that the client cannot complete
// the handshake, and what it has sent by then is early data.
type heldConn struct {
	net.PacketConn
	held chan struct{} // closed: no longer
}

func (c *heldConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, addr, err := c.PacketConn.ReadFrom(p)
	<-c.held
	return n, addr, err
}

// early is a server of HTTP/3 in front of a handler, and a client that has been there before.
type early struct {
	t      *testing.T
	addr   net.Addr
	config *tls.Config
	// served has, for each request, whether it came as early data.
	served chan bool
}

func newEarly(t *testing.T, h *Site) *early {
	t.Helper()
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	t.Cleanup(certificate.Close)
	e := &early{t: t, served: make(chan bool, 1)}
	server := &http3.Server{
		TLSConfig:  http3.ConfigureTLSConfig(&tls.Config{Certificates: certificate.TLS.Certificates}),
		QUICConfig: &quic.Config{Allow0RTT: true},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, nil)
			caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, "127.0.0.1")
			err := h.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil }))
			if err != nil {
				w.WriteHeader(http.StatusInternalServerError)
			}
			e.served <- !r.TLS.HandshakeComplete
		}),
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e.addr = conn.LocalAddr()
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(conn) })
	t.Cleanup(func() { _ = server.Close(); _ = conn.Close(); serving.Wait() })
	pool := certificate.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	e.config = &tls.Config{RootCAs: pool, ServerName: "example.com", NextProtos: []string{http3.NextProtoH3}, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	if status, first := e.send(http.MethodGet, "/x", false); first {
		t.Fatalf("the first request was early: %d", status)
	}
	return e
}

// send sends a request, in early data or after the handshake, and returns the status of the answer and whether the server
// took it as early data.
func (e *early) send(method, path string, inEarlyData bool) (status int, wasEarly bool) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), 20*time.Second)
	defer cancel()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		e.t.Fatal(err)
	}
	held := make(chan struct{})
	release := sync.OnceFunc(func() { close(held) })
	transport := &quic.Transport{Conn: &heldConn{udp, held}}
	defer func() { release(); _ = transport.Close(); _ = udp.Close() }()
	if !inEarlyData {
		release()
	}
	dial := transport.DialEarly
	if !inEarlyData {
		// Dial waits for the end of the handshake. DialEarly does not, and then the stream with the settings of HTTP/3 begins
		// while quic-go 0.63.0 takes the server's transport parameters, without a lock.
		dial = transport.Dial
	}
	conn, err := dial(ctx, e.addr, e.config, new(quic.Config))
	if err != nil {
		e.t.Fatal(err)
	}
	client := new(http3.Transport).NewClientConn(conn)
	stream, err := client.OpenRequestStream(ctx)
	if err != nil {
		e.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(ctx, method, "https://wiki.example.com"+path, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	// Not by RoundTrip, which has everything but GET wait for the handshake.
	if err := stream.SendRequestHeader(r); err != nil {
		e.t.Fatal(err)
	}
	// An error says that the server takes no body: it has answered already, as it may. What it answered is read below.
	_ = stream.Close()
	select {
	case wasEarly = <-e.served:
	case <-ctx.Done():
		e.t.Fatalf("%s %s: not served", method, path)
	}
	release()
	response, err := stream.ReadResponse()
	if err != nil {
		e.t.Fatal(err)
	}
	if !inEarlyData { // the ticket for the next time comes with it
		<-client.ReceivedSettings()
	}
	_ = client.CloseWithError(0, "")
	return response.StatusCode, wasEarly
}

// Field trial 5.12 with a real client: QUIC early data of a client that has been there before. What may not happen twice is
// sent again, and so is everything at a site whose rules look at an address that nothing has proven yet.
func TestEarlyDataOverQUIC(t *testing.T) {
	const office = "network office 127.0.0.0/8\npolicy office {\nexclude network office\nblock\n}"
	for name, site := range map[string]struct {
		global, before, directive string
		get                       int // GET in early data
		done                      int // GET after the handshake
	}{
		"open":                     {"", "@private path /private*", "@private", 200, 200},
		"network alone":            {office, "", "", 425, 401},
		"network, report-only":     {"network office 127.0.0.0/8\npolicy office {\nmode report_only\nexclude network office\nblock\n}", "", "", 401, 401},
		"a matcher of a policy":    {"policy abroad {\nmatch {\nclient_ip 192.0.2.0/24\n}\nblock\n}", "", "", 425, 401},
		"a matcher of the site":    {"", "@abroad not remote_ip 127.0.0.0/8", "@abroad", 425, 200},
		"shared network of device": {"network hall shared 127.0.0.0/8\npolicy hall {\nwhen device shared\nblock\n}", "", "", 425, 403},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEarly(t, ruled(t, site.global, site.before, site.directive))
			for _, tt := range []struct {
				method, path string
				early        bool
				want         int
			}{
				{"GET", "/x", true, site.get},
				{"GET", "/x", false, site.done},
				{"POST", "/x", true, 425},
				{"GET", "/.latchkey/signed-out", true, 425},
				{"GET", "/.latchkey/signed-out", false, 200},
			} {
				status, early := e.send(tt.method, tt.path, tt.early)
				if status != tt.want || early != tt.early {
					t.Errorf("%s %s: %d, early %v, want %d, %v", tt.method, tt.path, status, early, tt.want, tt.early)
				}
			}
		})
	}
}
