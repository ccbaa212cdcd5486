package rig

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"
)

// A figure is worth nothing if the answers were not the app's.
func TestLoadRefusesOtherAnswers(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"refused":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"sent away":    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"another page": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "Stay signed in?") },
	} {
		t.Run(name, func(t *testing.T) {
			address, server, err := Serve(answer)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			if _, err := (&Client{Address: address, Requests: [][]byte{BrowserRequest(address, "a=b")}}).During(t.Context(), 2, time.Second); err == nil {
				t.Error("counted as if it were the page")
			}
		})
	}
}

func TestLoadUsesEverySession(t *testing.T) {
	seen := make(chan string, 1<<16)
	address, server, err := Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("Cookie")
		App().ServeHTTP(w, r)
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	requests := [][]byte{BrowserRequest(address, "id=1"), BrowserRequest(address, "id=2"), BrowserRequest(address, "id=3")}
	result, err := (&Client{Address: address, Requests: requests}).During(t.Context(), 2, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	close(seen)
	count := map[string]int{}
	for cookie := range seen {
		count[cookie]++
	}
	if total := count["id=1"] + count["id=2"] + count["id=3"]; total != result.Answered || count["id=1"]-count["id=3"] > 1 {
		t.Errorf("%d answers, sessions used %v", result.Answered, count)
	}
}

// Every session has its turn, however many requests it makes in a row.
func TestOrderOfSessions(t *testing.T) {
	for _, burst := range []int{0, 1, 3} {
		c := &Client{Burst: burst, Requests: [][]byte{{0}, {1}, {2}, {3}, {4}}}
		each := max(1, burst)
		var before byte
		count := map[byte]int{}
		for i := range 5 * each {
			got := c.request()[0]
			if i%each != 0 && got != before {
				t.Errorf("burst %d: request %d is another session's", burst, i)
			}
			count[got]++
			before = got
		}
		for session, n := range count {
			if n != each {
				t.Errorf("burst %d: session %d had %d requests", burst, session, n)
			}
		}
	}
}

func TestInterruptedRunEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	address, server, err := Serve(App())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if _, err := (&Client{Address: address, Requests: [][]byte{BrowserRequest(address, "a=b")}}).During(ctx, 2, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
}
