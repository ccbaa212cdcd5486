package rig

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Page is the answer of the app: 80 bytes, so that the proxying and not the page is measured.
const Page = "<!doctype html><title>App</title><p>A small page, as most requests ask for one.\n"

// Serve starts an http server on a free loopback port; closing it ends it.
func Serve(handler http.Handler) (address string, server *http.Server, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().String(), server, nil
}

// ServeConnections has serve answer every connection to an address, in a goroutine of its own, until listening fails. What serve
// returns concerns that connection alone. It closes the connection.
func ServeConnections(address string, serve func(net.Conn) error) error {
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", address)
	if err != nil {
		return err
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() { _ = serve(conn) }()
	}
}

// App answers every request with the page, and says in a header whom the gateway named.
func App() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user := r.Header.Get("Remote-User"); user != "" {
			w.Header().Set("X-Seen-User", user)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, Page)
	})
}

// given are the addresses that FreeAddress has returned.
var given sync.Map

// FreeAddress returns a loopback address on which no process listens right now, and never the same one twice: Caddy
// would listen on it for a site and for its admin endpoint, and each would get some of the requests.
func FreeAddress() (string, error) {
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		address := listener.Addr().String()
		if err := listener.Close(); err != nil {
			return "", err
		}
		if _, twice := given.LoadOrStore(address, true); !twice {
			return address, nil
		}
	}
}
