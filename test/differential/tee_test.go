package differential

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// message is a request as the gateway wrote it, byte for byte.
type message struct {
	raw    []byte
	method string
	target string
	id     string // of the case, "" if it has none
}

// arrival is a request that reached the app.
type arrival struct {
	message
	readings []*reading
}

// tee is the app that the gateway knows: it hands the bytes of each request to every server and collects what they read.
type tee struct {
	servers []server
	arrived func(*arrival)
	read    map[string]*count // by server
}

func newTee(t testing.TB, list []server, arrived func(*arrival)) (*tee, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening: %v", err)
	}
	t.Cleanup(func() { _ = l.Close() })
	e := &tee{servers: list, arrived: arrived, read: map[string]*count{}}
	for _, s := range list {
		e.read[s.name] = &count{}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go e.serve(c)
		}
	}()
	return e, l.Addr().String()
}

func (e *tee) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReaderSize(c, 64<<10)
	lines := make([]line, len(e.servers))
	for i := range lines {
		lines[i].addr = e.servers[i].addr
	}
	defer func() {
		for i := range lines {
			lines[i].close()
		}
	}()
	for {
		m, err := readMessage(in)
		if err != nil {
			return
		}
		a := &arrival{message: *m}
		// All of them work while the first is waited for.
		sent := make([]error, len(lines))
		for i := range lines {
			sent[i] = lines[i].send(m)
		}
		for i := range lines {
			text, err := "", sent[i]
			if err == nil {
				text, err = lines[i].receive(m)
			}
			name := e.servers[i].name
			if err != nil || text == "" {
				e.read[name].no.Add(1) // the server refuses the request, or leaves it without a reading
				continue
			}
			r, err := decodeReading(name, text)
			if err != nil {
				r = &reading{server: name, Method: "unreadable: " + err.Error()}
			}
			e.read[name].yes.Add(1)
			a.readings = append(a.readings, r)
		}
		e.arrived(a)
		if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); err != nil {
			return
		}
	}
}

// line is a connection to a server, opened again when the server has closed it.
type line struct {
	addr string
	conn net.Conn
	in   *bufio.Reader
	used bool
}

func (l *line) close() {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn = nil
	}
}

func (l *line) send(m *message) (err error) {
	if l.conn == nil {
		if l.conn, err = net.DialTimeout("tcp", l.addr, 5*time.Second); err != nil {
			l.conn = nil
			return err
		}
		l.in, l.used = bufio.NewReaderSize(l.conn, 32<<10), false
	}
	_ = l.conn.SetDeadline(time.Now().Add(patience))
	if _, err = l.conn.Write(m.raw); err != nil {
		used := l.used
		l.close()
		if used {
			return l.send(m)
		}
	}
	return err
}

// receive returns the server's reading, "" if it answered without one.
func (l *line) receive(m *message) (string, error) {
	_ = l.conn.SetDeadline(time.Now().Add(patience))
	resp, err := http.ReadResponse(l.in, &http.Request{Method: m.method})
	if err != nil {
		again := l.used && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || isReset(err))
		l.close()
		if !again {
			return "", err
		}
		if err := l.send(m); err != nil {
			return "", err
		}
		return l.receive(m)
	}
	l.used = true
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.Close || resp.StatusCode == http.StatusSwitchingProtocols {
		l.close()
	}
	return resp.Header.Get("Reading"), nil
}

func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}

// readMessage reads one request with its framing alone, so that nothing is repaired on its way to the servers.
func readMessage(in *bufio.Reader) (*message, error) {
	m := &message{}
	length, chunked := 0, false
	for first := true; ; first = false {
		text, err := in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		m.raw = append(m.raw, text...)
		text = bytes.TrimRight(text, "\r\n")
		if first {
			var rest string
			m.method, rest, _ = strings.Cut(string(text), " ")
			m.target, _, _ = strings.Cut(rest, " ")
			continue
		}
		if len(text) == 0 {
			break
		}
		name, value, _ := strings.Cut(string(text), ":")
		switch value = strings.TrimSpace(value); strings.ToLower(name) {
		case "content-length":
			if length, err = strconv.Atoi(value); err != nil {
				return nil, err
			}
		case "transfer-encoding":
			chunked = true
		case "x-case":
			m.id = value
		}
	}
	if !chunked {
		body := make([]byte, length)
		_, err := io.ReadFull(in, body)
		m.raw = append(m.raw, body...)
		return m, err
	}
	for last := false; ; {
		text, err := in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		m.raw = append(m.raw, text...)
		text = bytes.TrimRight(text, "\r\n")
		if last {
			if len(text) == 0 {
				return m, nil
			}
			continue
		}
		size, err := strconv.ParseInt(string(text), 16, 32)
		if err != nil {
			return nil, fmt.Errorf("a chunk's size: %w", err)
		}
		if last = size == 0; !last {
			chunk := make([]byte, size+2)
			if _, err := io.ReadFull(in, chunk); err != nil {
				return nil, err
			}
			m.raw = append(m.raw, chunk...)
		}
	}
}
