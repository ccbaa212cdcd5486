package rig

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

// A Tally is what a turn of load brought.
type Tally struct {
	Answered int
	Elapsed  time.Duration
	// Latencies of all answered requests, in no order.
	Latencies []time.Duration
}

// A Client loads one gateway over connections that stay open between its turns: what it costs to open them is not what
// is measured.
type Client struct {
	Address     string
	Requests    [][]byte
	Burst       int // requests in a row of one session
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

func (c *Client) request() []byte {
	n := int(c.next.Add(1) - 1)
	if c.Burst > 1 {
		n /= c.Burst
	}
	return c.Requests[n%len(c.Requests)*step%len(c.Requests)]
}

func (c *Client) Close() error {
	var errs []error
	for _, conn := range c.connections {
		errs = append(errs, conn.Close())
	}
	c.connections = nil
	return errors.Join(errs...)
}

// AnswerTimeout is how long an answer may take at most before the run ends.
const AnswerTimeout = 30 * time.Second

// staleAfter is when a server may have closed a connection that nothing came over.
const staleAfter = time.Minute

// Connect opens so many connections, and reopens those that were not used for a while.
func (c *Client) Connect(ctx context.Context, connections int) error {
	if time.Since(c.used) > staleAfter {
		_ = c.Close() // whatever the server has made of them
	}
	var dialer net.Dialer
	for len(c.connections) < connections {
		conn, err := dialer.DialContext(ctx, "tcp", c.Address)
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

// Load sends the requests in turn over so many connections, each waiting for its answer, until done says so. Any answer
// but 200 with the page ends it with an error: a figure for refusals would look splendid.
//
// Written on plain connections: net/http's client costs more than the gateway that is measured.
func (c *Client) Load(ctx context.Context, connections int, done func() bool) (Tally, error) {
	if err := c.Connect(ctx, connections); err != nil {
		return Tally{}, err
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
	t := Tally{Elapsed: time.Since(started)}
	c.used = time.Now()
	if err := context.Cause(ctx); err != nil {
		return Tally{}, err
	}
	for _, conn := range c.connections[:connections] {
		t.Latencies = append(t.Latencies, conn.latencies...)
	}
	if t.Answered = len(t.Latencies); t.Answered == 0 {
		return Tally{}, errors.New("no request was answered")
	}
	return t, nil
}

// During is Load for so long.
func (c *Client) During(ctx context.Context, connections int, length time.Duration) (Tally, error) {
	end := time.Now().Add(length)
	return c.Load(ctx, connections, func() bool { return !time.Now().Before(end) })
}

// Everybody is Load until every session has had a request.
func (c *Client) Everybody(ctx context.Context, connections int) error {
	c.next.Store(0)
	end := int64(len(c.Requests) * max(1, c.Burst))
	_, err := c.Load(ctx, connections, func() bool { return c.next.Load() >= end })
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
		if deadline.Sub(now) < AnswerTimeout/2 { // not every time, as it costs a little
			deadline = now.Add(AnswerTimeout)
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
	if length != len(Page) {
		return fmt.Errorf("an answer of %d bytes is not the app's page", length)
	}
	_, err = io.CopyN(io.Discard, reader, int64(length))
	return err
}
