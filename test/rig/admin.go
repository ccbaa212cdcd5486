package rig

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
)

// AskAdmin asks the gateway's admin API and returns what it answers. The body is a Caddyfile for /load and else JSON; an
// empty one is none.
//
// Every configuration that is taken or refused starts the endpoint again. So each question has a connection of its own, as
// an idle one may be closed while the next question is on its way, and one that the old endpoint never took up is asked
// again. What is asked must therefore bear to be done twice.
func (g *Gateway) AskAdmin(method, path, body string) (status int, text string) {
	g.t.Helper()
	var failed error
	if !Holds(Patience, func() bool {
		status, text, failed = g.askAdmin(method, path, body)
		return !cutOff(failed)
	}) || failed != nil {
		g.t.Fatalf("asking the admin API: %v", failed)
	}
	return status, text
}

func (g *Gateway) askAdmin(method, path, body string) (status int, text string, err error) {
	req, err := http.NewRequest(method, g.Admin+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Close = true
	if path == "/load" {
		req.Header.Set("Content-Type", "text/caddyfile")
	} else if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	client := http.Client{Timeout: Patience}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, "", fmt.Errorf("reading the answer: %w", err)
	}
	return resp.StatusCode, string(answer), nil
}

// cutOff reports whether a question ended without an answer because of who listened.
func cutOff(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF)
}
