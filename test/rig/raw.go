package rig

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Raw sends a request byte for byte over a new connection and returns the answer, or nil if the server closed the
// connection without one. Lines may end in \n; they are sent with \r\n. The request should say Connection: close.
func Raw(t testing.TB, addr, request string) *Reply {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, Patience)
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(Patience))
	head, body, _ := strings.Cut(request, "\n\n")
	if _, err := io.WriteString(conn, strings.ReplaceAll(head, "\n", "\r\n")+"\r\n\r\n"+body); err != nil {
		return nil
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return &Reply{Response: resp, Text: string(text)}
}
