package streams

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// kind is a kind of stream.
type kind int

const (
	webSocket kind = iota
	events         // over HTTP/1.1
	eventsH2       // over HTTP/2, a few hundred of them in a connection
	kinds
)

var kindNames = [kinds]string{"WebSocket", "event stream", "event stream over HTTP/2"}

// headers are what Chrome sends for a stream.
var headers = [kinds][][2]string{
	webSocket: {
		{"Connection", "Upgrade"},
		{"Pragma", "no-cache"},
		{"Cache-Control", "no-cache"},
		{"Upgrade", "websocket"},
		{"Sec-WebSocket-Version", "13"},
		{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
		{"Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"},
	},
	events:   append([][2]string{{"Connection", "keep-alive"}}, ofEvents...),
	eventsH2: ofEvents,
}

var ofEvents = [][2]string{
	{"sec-ch-ua-platform", `"Linux"`},
	{"sec-ch-ua", `"Chromium";v="140", "Not=A?Brand";v="24"`},
	{"sec-ch-ua-mobile", "?0"},
	{"Accept", eventStream},
	{"Cache-Control", "no-cache"},
	{"Sec-Fetch-Site", "same-origin"},
	{"Sec-Fetch-Mode", "cors"},
	{"Sec-Fetch-Dest", "empty"},
}

// client opens streams at one gateway.
type client struct {
	address string
	h2      *http.Transport
}

func newClient(address string) *client {
	c := &client{address: address, h2: &http.Transport{Protocols: new(http.Protocols)}}
	c.h2.Protocols.SetUnencryptedHTTP2(true)
	return c
}

// open opens a stream of a user, and returns it after its first answer.
func (c *client) open(ctx context.Context, k kind, who rig.Person) (io.ReadCloser, error) {
	if k == eventsH2 {
		return c.openH2(ctx, who)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "GET /stream HTTP/1.1\r\nHost: %s\r\n", c.address)
	for _, h := range append(headers[k], common(c.address, who)...) {
		fmt.Fprintf(&text, "%s: %s\r\n", h[0], h[1])
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", c.address)
	if err != nil {
		return nil, err
	}
	if _, err = io.WriteString(conn, text.String()+"\r\n"); err == nil {
		err = readHead(conn)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func common(address string, who rig.Person) [][2]string {
	return [][2]string{
		{"Origin", "http://" + address},
		{"User-Agent", rig.UserAgent},
		{"Accept-Encoding", "gzip, deflate, br, zstd"},
		{"Accept-Language", "en-US,en;q=0.9"},
		{"Cookie", who.Cookies},
	}
}

// readHead reads the head of an answer, which must be that of a stream.
func readHead(conn net.Conn) error {
	reader := bufio.NewReaderSize(conn, 1<<9)
	for first := true; ; first = false {
		line, err := reader.ReadString('\n')
		switch {
		case err != nil:
			return err
		case first && !strings.HasPrefix(line, "HTTP/1.1 101 ") && !strings.HasPrefix(line, "HTTP/1.1 200 "):
			return fmt.Errorf("opening a stream: %s", strings.TrimSpace(line))
		case line == "\r\n":
			return nil
		}
	}
}

func (c *client) openH2(ctx context.Context, who rig.Person) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.address+"/stream", http.NoBody)
	if err != nil {
		return nil, err
	}
	for _, h := range append(headers[eventsH2], common(c.address, who)...) {
		r.Header.Set(h[0], h[1])
	}
	resp, err := c.h2.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("opening a stream: %s", resp.Status), resp.Body.Close())
	}
	return resp.Body, nil
}

// openAll opens a stream for each user, some at a time. Those that were opened are returned with an error too.
func (c *client) openAll(ctx context.Context, k kind, people []rig.Person) ([]io.ReadCloser, error) {
	const atOnce = 16
	var wait sync.WaitGroup
	all, failed := make([]io.ReadCloser, len(people)), make([]error, atOnce)
	for first := range atOnce {
		wait.Go(func() {
			for i := first; i < len(people) && failed[first] == nil; i += atOnce {
				all[i], failed[first] = c.open(ctx, k, people[i])
			}
		})
	}
	wait.Wait()
	opened := all[:0]
	for _, s := range all {
		if s != nil {
			opened = append(opened, s)
		}
	}
	return opened, errors.Join(failed...)
}

func closeAll(streams []io.ReadCloser) {
	for _, s := range streams {
		_ = s.Close() // whatever the gateway has made of it
	}
}
