package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A tally is what a turn of load brought.
type tally struct {
	answered int
	elapsed  time.Duration
	// latencies of all answered requests, in no order.
	latencies []time.Duration
}

// A client loads one gateway over connections that stay open between its turns: what it costs to open them is not what
// is measured.
type client struct {
	address     string
	requests    [][]byte
	burst       int // requests in a row of one session
	next        atomic.Int64
	connections []*connection
	used        time.Time // when the connections last carried something
}

type connection struct {
	net.Conn
	reader    *bufio.Reader
	latencies []time.Duration
}

// step is between a session and the next: not the neighbour, which lies beside it in memory. A prime, so that all
// sessions have their turn.
const step = 7919

func (c *client) request() []byte {
	n := int(c.next.Add(1) - 1)
	if c.burst > 1 {
		n /= c.burst
	}
	return c.requests[n%len(c.requests)*step%len(c.requests)]
}

func (c *client) close() error {
	var errs []error
	for _, conn := range c.connections {
		errs = append(errs, conn.Close())
	}
	c.connections = nil
	return errors.Join(errs...)
}

// answerTimeout is how long an answer may take at most before the run ends.
const answerTimeout = 30 * time.Second

// staleAfter is when a server may have closed a connection that nothing came over.
const staleAfter = 10 * time.Second

// connect opens so many connections, and reopens those that were not used for a while.
func (c *client) connect(ctx context.Context, connections int) error {
	if time.Since(c.used) > staleAfter {
		_ = c.close() // whatever the server has made of them
	}
	var dialer net.Dialer
	for len(c.connections) < connections {
		conn, err := dialer.DialContext(ctx, "tcp", c.address)
		if err != nil {
			return err
		}
		c.connections = append(c.connections, &connection{Conn: conn, reader: bufio.NewReader(conn)})
	}
	// A second measurement with fewer connections leaves the others idle.
	for len(c.connections) > connections {
		last := len(c.connections) - 1
		_ = c.connections[last].Close()
		c.connections = c.connections[:last]
	}
	return nil
}

// load sends the requests in turn over so many connections, each waiting for its answer, until done says so. Any answer
// but 200 with the page ends it with an error: a figure for refusals would look splendid.
//
// Written on plain connections: net/http's client costs more than the gateway that is measured.
func (c *client) load(ctx context.Context, connections int, done func() bool) (tally, error) {
	if err := c.connect(ctx, connections); err != nil {
		return tally{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	started := time.Now()
	for _, conn := range c.connections[:connections] {
		wait.Go(func() {
			if err := conn.drive(ctx, c.request, done); err != nil {
				cancel(err)
			}
		})
	}
	wait.Wait()
	t := tally{elapsed: time.Since(started)}
	c.used = time.Now()
	if err := context.Cause(ctx); err != nil {
		return tally{}, err
	}
	for _, conn := range c.connections[:connections] {
		t.latencies = append(t.latencies, conn.latencies...)
	}
	if t.answered = len(t.latencies); t.answered == 0 {
		return tally{}, errors.New("no request was answered")
	}
	return t, nil
}

// during is load for so long.
func (c *client) during(ctx context.Context, connections int, length time.Duration) (tally, error) {
	end := time.Now().Add(length)
	return c.load(ctx, connections, func() bool { return !time.Now().Before(end) })
}

// everybody is load until every session has had a request.
func (c *client) everybody(ctx context.Context, connections int) error {
	c.next.Store(0)
	end := int64(len(c.requests) * max(1, c.burst))
	_, err := c.load(ctx, connections, func() bool { return c.next.Load() >= end })
	return err
}

func (c *connection) drive(ctx context.Context, request func() []byte, done func() bool) error {
	c.latencies = c.latencies[:0]
	if err := c.SetDeadline(time.Time{}); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Now()) })
	defer stop()
	var deadline time.Time
	for now := time.Now(); len(c.latencies) == 0 || !done(); { // at least once, on however busy a machine
		if deadline.Sub(now) < answerTimeout/2 { // not every time, as it costs a little
			deadline = now.Add(answerTimeout)
			if err := c.SetDeadline(deadline); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if _, err := c.Write(request()); err != nil {
			return err
		}
		if err := readPage(c.reader); err != nil {
			return err
		}
		answered := time.Now()
		c.latencies = append(c.latencies, answered.Sub(now))
		now = answered
	}
	return nil
}

var (
	statusOK      = []byte("HTTP/1.1 200 ")
	contentLength = []byte("Content-Length:")
)

// readPage reads one answer and expects it to be the app's page by status and length.
func readPage(reader *bufio.Reader) error {
	line, err := reader.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("reading an answer: %w", err)
	}
	if !bytes.HasPrefix(line, statusOK) {
		began := string(bytes.TrimSpace(line))
		rest, _ := reader.Peek(reader.Buffered())
		return fmt.Errorf("an answer began with %q, and went on %q", began, rest[:min(len(rest), 1000)])
	}
	length := -1
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("reading headers: %w", err)
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		if value, ok := bytes.CutPrefix(line, contentLength); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if length != len(page) {
		return fmt.Errorf("an answer of %d bytes is not the app's page", length)
	}
	_, err = io.CopyN(io.Discard, reader, int64(length))
	return err
}

// browserRequest is a top-level navigation as a browser sends it, with the cookies of one session.
func browserRequest(host, cookies string) []byte {
	return []byte("GET / HTTP/1.1\r\n" +
		"Host: " + host + "\r\n" +
		"Connection: keep-alive\r\n" +
		"sec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\"\r\n" +
		"sec-ch-ua-mobile: ?0\r\n" +
		"sec-ch-ua-platform: \"Linux\"\r\n" +
		"Upgrade-Insecure-Requests: 1\r\n" +
		"User-Agent: " + userAgent + "\r\n" +
		"Accept: " + accept + "\r\n" +
		"Sec-Fetch-Site: none\r\n" +
		"Sec-Fetch-Mode: navigate\r\n" +
		"Sec-Fetch-User: ?1\r\n" +
		"Sec-Fetch-Dest: document\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en-US,en;q=0.9\r\n" +
		"Cookie: " + cookies + "\r\n\r\n")
}

// programRequest is a request of a program, with an access token.
func programRequest(host, token string) []byte {
	return []byte("GET / HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: program/1.0\r\nAccept: */*\r\nAuthorization: Bearer " + token + "\r\n\r\n")
}

const (
	userAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
	accept    = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
)
