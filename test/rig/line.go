package rig

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Line is a TCP connection to a server that can be cut: what an outage looks like without losing the server's data.
type Line struct {
	Addr   string
	target string
	mu     sync.Mutex
	state  lineState
	conns  map[net.Conn]struct{}
}

type lineState int

const (
	lineUp lineState = iota
	lineCut
	lineSilent
)

// NewLine listens on a free port and passes connections on to target.
func NewLine(t testing.TB, target string) *Line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("opening a line: %v", err)
	}
	line := &Line{Addr: l.Addr().String(), target: target, conns: map[net.Conn]struct{}{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go line.serve(c)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		line.set(lineCut)
	})
	return line
}

func (l *Line) keep(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == lineCut {
		_ = c.Close()
		return false
	}
	l.conns[c] = struct{}{}
	return true
}

func (l *Line) drop(c net.Conn) {
	_ = c.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

func (l *Line) silent() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state == lineSilent
}

func (l *Line) serve(c net.Conn) {
	if !l.keep(c) {
		return
	}
	defer l.drop(c)
	s, err := net.Dial("tcp", l.target)
	if err != nil || !l.keep(s) {
		return
	}
	defer l.drop(s)
	go func() {
		l.pass(s, c)
		_ = s.Close()
	}()
	l.pass(c, s)
}

// pass copies one direction; while the line is silent, what arrives is swallowed.
func (l *Line) pass(to io.Writer, from io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !l.silent() {
			if _, werr := to.Write(buf[:n]); werr != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (l *Line) set(s lineState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = s
	if s == lineSilent {
		return
	}
	for c := range l.conns {
		_ = c.Close()
		delete(l.conns, c)
	}
}

// Cut closes every connection and turns new ones away.
func (l *Line) Cut() { l.set(lineCut) }

// Hush leaves connections open but passes nothing on: a server that hangs.
func (l *Line) Hush() { l.set(lineSilent) }

// Mend lets new connections through again; what was silent is closed.
func (l *Line) Mend() { l.set(lineUp) }
