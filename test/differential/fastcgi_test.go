package differential

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// Types of FastCGI records (FastCGI specification, section 8).
const (
	fcgiBegin  = 1
	fcgiEnd    = 3
	fcgiParams = 4
	fcgiStdin  = 5
	fcgiStdout = 6
)

// fastCGI starts an app that is told its requests by FastCGI, and returns its address. answer gets the environment as it
// came and returns the headers of the answer. It reads the protocol itself: libraries make requests of the environment,
// and so leave out what this is about.
func fastCGI(t testing.TB, answer func(env map[string]string) string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening: %v", err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveFastCGI(c, answer)
		}
	}()
	return l.Addr().String()
}

func serveFastCGI(c net.Conn, answer func(map[string]string) string) {
	defer c.Close()
	in := bufio.NewReader(c)
	var params []byte
	keep := false
	for {
		var head [8]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		content := make([]byte, int(binary.BigEndian.Uint16(head[4:]))+int(head[6]))
		if _, err := io.ReadFull(in, content); err != nil {
			return
		}
		content = content[:len(content)-int(head[6])]
		switch head[1] {
		case fcgiBegin:
			params, keep = nil, len(content) > 2 && content[2]&1 != 0
		case fcgiParams:
			params = append(params, content...)
		case fcgiStdin:
			if len(content) > 0 {
				continue
			}
			text := answer(fcgiEnv(params))
			var out []byte
			out = fcgiRecord(out, fcgiStdout, head[2:4], []byte(text))
			out = fcgiRecord(out, fcgiStdout, head[2:4], nil)
			out = fcgiRecord(out, fcgiEnd, head[2:4], make([]byte, 8))
			if _, err := c.Write(out); err != nil || !keep {
				return
			}
		}
	}
}

func fcgiRecord(out []byte, kind byte, id, content []byte) []byte {
	if len(content) > 65535 {
		panic(fmt.Sprintf("an answer of %d bytes", len(content)))
	}
	out = append(out, 1, kind, id[0], id[1])
	out = binary.BigEndian.AppendUint16(out, uint16(len(content)))
	return append(append(out, 0, 0), content...)
}

// fcgiEnv reads name-value pairs (section 3.4).
func fcgiEnv(b []byte) map[string]string {
	env := map[string]string{}
	length := func() int {
		if len(b) == 0 {
			return 0
		}
		if b[0] < 128 || len(b) < 4 {
			n := int(b[0])
			b = b[1:]
			return n
		}
		n := int(binary.BigEndian.Uint32(b) &^ (1 << 31))
		b = b[4:]
		return n
	}
	for len(b) > 0 {
		n, v := length(), length()
		if n+v > len(b) {
			return env
		}
		env[string(b[:n])] = string(b[n : n+v])
		b = b[n+v:]
	}
	return env
}

// readEnv is what a program reads that is told its request by CGI variables. APP_PATH and APP_ROUTE come from the
// configuration of the server before it.
func readEnv(server string, env map[string]string) *reading {
	target := env["REQUEST_URI"]
	raw, _, _ := strings.Cut(target, "?")
	r := &reading{
		server: server, Method: env["REQUEST_METHOD"], Target: target, Host: env["HTTP_HOST"],
		Paths: []string{cgiUnescape(strings.ReplaceAll(raw, "+", "%2B"))}, Query: cgiQuery(env["QUERY_STRING"]),
	}
	for _, p := range []string{env["SCRIPT_NAME"] + env["PATH_INFO"], env["DOCUMENT_URI"], env["APP_PATH"]} {
		if p != "" {
			r.Paths = append(r.Paths, p)
		}
	}
	if route := env["APP_ROUTE"]; route != "" {
		r.Routes = []string{route}
	}
	for k, v := range env {
		if name, ok := strings.CutPrefix(k, "HTTP_"); ok {
			r.Header = append(r.Header, [2]string{strings.ReplaceAll(name, "_", "-"), v})
		}
		if v != "" && (k == "REMOTE_USER" || k == "AUTH_TYPE") {
			r.Header = append(r.Header, [2]string{k, v})
		}
	}
	return r
}
