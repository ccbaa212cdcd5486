package rig

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

// AppRequest is one request as the app behind the gateway saw it.
type AppRequest struct {
	Method string      `json:"method"`
	URI    string      `json:"uri"` // as on the wire
	Host   string      `json:"host"`
	Header http.Header `json:"header"`
	Body   string      `json:"body"`
}

// App is what the gateway protects. It answers a navigation with a page headed "The app" and everything else with the
// request as JSON; /ws echoes WebSocket texts, /events streams three server-sent events, /events/endless goes on until
// the client hangs up, /status/NNN answers NNN.
type App struct {
	Addr string // host:port
	mu   sync.Mutex
	seen []AppRequest
}

// NewApp starts an app and ends it with the test.
func NewApp(t testing.TB) *App {
	t.Helper()
	a := &App{}
	echo := websocket.Server{Handler: func(ws *websocket.Conn) { _, _ = io.Copy(ws, ws) }} // no Origin check
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 16<<20))
		seen := AppRequest{r.Method, r.RequestURI, r.Host, r.Header.Clone(), string(body)}
		a.mu.Lock()
		a.seen = append(a.seen, seen)
		a.mu.Unlock()
		switch {
		case r.URL.Path == "/ws":
			echo.ServeHTTP(w, r)
		case r.URL.Path == "/events":
			stream(w)
		case r.URL.Path == "/events/endless":
			endless(w, r)
		default:
			echoRequest(w, r, seen)
		}
	}))
	t.Cleanup(server.Close)
	a.Addr = strings.TrimPrefix(server.URL, "http://")
	return a
}

func echoRequest(w http.ResponseWriter, r *http.Request, seen AppRequest) {
	status := http.StatusOK
	if n, ok := strings.CutPrefix(r.URL.Path, "/status/"); ok {
		_, _ = fmt.Sscan(n, &status)
	}
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<!doctype html><html lang=en><title>The app</title><h1>The app</h1><p>%s %s</p><p>user=%s</p>",
			r.Method, html.EscapeString(r.RequestURI), html.EscapeString(r.Header.Get("Remote-User")))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(seen)
}

func stream(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range 3 {
		fmt.Fprintf(w, "data: %d\n\n", i)
		w.(http.Flusher).Flush()
	}
}

func endless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		fmt.Fprint(w, "data: x\n\n")
		w.(http.Flusher).Flush()
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

// Requests returns what reached the app, oldest first.
func (a *App) Requests() []AppRequest {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]AppRequest(nil), a.seen...)
}

// Hits counts what reached the app.
func (a *App) Hits() int { return len(a.Requests()) }

// Asked counts the requests for a URI. Browsers ask for more than they are told to, such as an icon.
func (a *App) Asked(uri string) (n int) {
	for _, r := range a.Requests() {
		if r.URI == uri {
			n++
		}
	}
	return n
}

// Last returns the newest request and fails the test if there was none.
func (a *App) Last(t testing.TB) AppRequest {
	t.Helper()
	seen := a.Requests()
	if len(seen) == 0 {
		t.Fatal("no request reached the app")
	}
	return seen[len(seen)-1]
}
