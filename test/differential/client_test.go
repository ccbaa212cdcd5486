package differential

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"time"
)

// patience is how long an answer may take. Nothing here takes long.
const patience = 20 * time.Second

// wire is a connection in one protocol. roundTrip returns the status of the answer, 0 if the gateway ended the request
// without one; an error is a failure of the test's own or of time.
type wire interface {
	roundTrip(r *request, id string, more ...field) (status int, err error)
	close()
}

// client sends requests as they are, over connections that it keeps.
type client struct {
	ctx          context.Context
	plain, tls   string // addresses
	everyHost    string // address of the site for any host
	lines        map[string]wire
	certificates *tls.Config
}

// newClient makes one. By TLS it names one site and then asks for all of them over the same connection, as HTTP/2 and 3 allow.
func newClient(ctx context.Context, g *gateway) *client {
	return &client{
		ctx: ctx, plain: g.plain, tls: g.tls, everyHost: g.everyHost, lines: map[string]wire{},
		certificates: &tls.Config{InsecureSkipVerify: true, ServerName: g.name, MinVersion: tls.VersionTLS12}, //nolint:gosec // a test against our own loopback server
	}
}

func (c *client) close() {
	for _, w := range c.lines {
		w.close()
	}
}

// do sends a request and waits for the end of its answer.
func (c *client) do(k *kase) (status int, err error) {
	addr := c.plain
	if k.rule.anyHost {
		addr = c.everyHost
	}
	key := addr
	if p := k.request.proto; p == http2 || p == http3 {
		key = p
	}
	w := c.lines[key]
	if w == nil {
		switch key {
		case http2:
			w = &line2{addr: c.tls, config: c.offering("h2")}
		case http3:
			w = &line3{ctx: c.ctx, addr: c.tls, config: c.offering("h3")}
		default:
			w = &line1{addr: addr}
		}
		c.lines[key] = w
	}
	return w.roundTrip(k.request, k.id(), k.cookies()...)
}

func (c *client) offering(protocol string) *tls.Config {
	out := c.certificates.Clone()
	out.NextProtos = []string{protocol}
	return out
}

// line1 is HTTP/1.0 and 1.1.
type line1 struct {
	addr string
	conn net.Conn
	in   *bufio.Reader
}

func (l *line1) close() {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn = nil
	}
}

func (l *line1) roundTrip(r *request, id string, more ...field) (int, error) {
	reused := l.conn != nil
	if l.conn == nil {
		conn, err := net.DialTimeout("tcp", l.addr, patience)
		if err != nil {
			return 0, fmt.Errorf("connecting: %w", err)
		}
		l.conn, l.in = conn, bufio.NewReader(conn)
	}
	_ = l.conn.SetDeadline(time.Now().Add(patience))
	_, err := l.conn.Write(r.wire1(id, more...))
	if err != nil {
		l.close()
		if reused {
			return l.roundTrip(r, id, more...)
		}
		return 0, nil // closed while it was still being sent: the gateway has seen enough
	}
	for {
		resp, err := nethttp.ReadResponse(l.in, &nethttp.Request{Method: r.method})
		if err != nil {
			l.close()
			var late net.Error
			switch {
			case errors.As(err, &late) && late.Timeout():
				return 0, fmt.Errorf("no answer within %v", patience)
			case reused && errors.Is(err, io.ErrUnexpectedEOF):
				return l.roundTrip(r, id, more...) // the gateway closed a connection that it had kept
			}
			return 0, nil
		}
		if resp.StatusCode >= 100 && resp.StatusCode < 200 && resp.StatusCode != nethttp.StatusSwitchingProtocols {
			continue
		}
		if r.method == nethttp.MethodConnect || resp.StatusCode == nethttp.StatusSwitchingProtocols {
			l.close()
			return resp.StatusCode, nil
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.Close || r.framed() {
			l.close()
		}
		return resp.StatusCode, nil
	}
}
