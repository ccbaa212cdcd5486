package redistest

import (
	"bytes"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Meter is a way to a server on which everything is noted that clients ask: a trip is what a client sends on one
// connection before the next answer, however many commands it is. Connections that subscribe to a channel do not count,
// and neither does what a client says when it connects.
type Meter struct {
	Addr  string
	mu    sync.Mutex
	trips [][]string
}

// NewMeter opens a way to a server without TLS, for as long as the test lasts.
func NewMeter(t testing.TB, server *Server) *Meter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &Meter{Addr: l.Addr().String()}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { m.pass(c, server.Addr) })
		}
	})
	t.Cleanup(func() { _ = l.Close() })
	return m
}

// Trips returns the trips since the last call, each as the names of its commands.
func (m *Meter) Trips() [][]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	trips := m.trips
	m.trips = nil
	return trips
}

// way is one connection: what it is in the middle of.
type way struct {
	answered bool
	rest     []byte
	trip     []string
}

func (m *Meter) pass(client net.Conn, addr string) {
	server, err := net.Dial("tcp", addr)
	if err != nil {
		_ = client.Close()
		return
	}
	w := &way{}
	go func() {
		defer func() { _, _ = client.Close(), server.Close() }()
		copyAll(client, server, func([]byte) {
			m.mu.Lock()
			defer m.mu.Unlock()
			w.answered = true
		})
	}()
	copyAll(server, client, func(b []byte) { m.note(w, b) })
	_, _ = client.Close(), server.Close()
}

func copyAll(to, from net.Conn, note func([]byte)) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			note(buf[:n])
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// connecting are commands that a client sends once on each connection, and those of the feed.
var connecting = []string{"hello", "client", "auth", "select", "subscribe", "ping", "cluster", "command"}

func (m *Meter) note(w *way, sent []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w.rest = append(w.rest, sent...)
	for {
		name, rest, ok := cutCommand(w.rest)
		if !ok {
			return
		}
		w.rest = rest
		if slices.Contains(connecting, name) {
			continue
		}
		if w.answered || len(m.trips) == 0 || w.trip == nil {
			m.trips = append(m.trips, nil)
		}
		w.answered = false
		last := &m.trips[len(m.trips)-1]
		*last = append(*last, name)
		w.trip = *last
	}
}

// cutCommand reads the first command of what a client sends.
func cutCommand(b []byte) (name string, rest []byte, ok bool) {
	line := func() (n int) {
		end := bytes.Index(b, []byte("\r\n"))
		if end < 1 {
			return -1
		}
		n, err := strconv.Atoi(string(b[1:end]))
		if err != nil {
			return -1
		}
		b = b[end+2:]
		return n
	}
	for args, i := line(), 0; i < args; i++ {
		n := line()
		if n < 0 || len(b) < n+2 {
			return "", nil, false
		}
		if i == 0 {
			name = strings.ToLower(string(b[:n]))
		}
		b = b[n+2:]
		ok = i == args-1
	}
	return name, b, ok
}
