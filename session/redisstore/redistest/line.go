package redistest

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Line is a line to a server that can lose the next answer.
type Line struct {
	// Addr is where clients connect.
	Addr string
	// LoseNext has the next answer lost.
	LoseNext atomic.Bool
}

// Fault is what else happens to a connection whose answer is lost.
type Fault bool

// The faults of a line.
const (
	Breaks Fault = false // it ends
	Stalls Fault = true  // it loses all later answers as well
)

// NewLine opens a line to the address of a server, until the end of the test.
func NewLine(t testing.TB, f Fault, server string) *Line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	to := &Line{Addr: l.Addr().String()}
	var copies sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); copies.Wait() })
	copies.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			copies.Go(func() {
				_, _ = io.Copy(upstream, client)
				_ = upstream.Close()
			})
			copies.Go(func() { to.answers(f, client, upstream) })
		}
	})
	return to
}

// answers copies the answers of the server.
func (l *Line) answers(f Fault, client io.WriteCloser, upstream io.ReadCloser) {
	defer client.Close()   //nolint:errcheck // a test's own
	defer upstream.Close() //nolint:errcheck // a test's own
	buf, lost := make([]byte, 32<<10), false
	for {
		n, err := upstream.Read(buf)
		if err != nil {
			return
		}
		if lost = lost || l.LoseNext.CompareAndSwap(true, false); lost {
			if f == Breaks {
				return
			}
			continue
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}
