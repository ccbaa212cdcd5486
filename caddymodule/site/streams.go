package site

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// bindToSession ties a response that can stay open (a WebSocket, an event stream, a tunnel) to the session that opened
// it. When the session ends, the request's context ends, and with it the rest of the route. Nothing more is written,
// because a proxy that streams at once (flush_interval -1) ignores the end of the context. done ends the tie. done is
// nil for other requests; their answer checks the session itself, see revocableWriter.
func (h *Site) bindToSession(p *request, w http.ResponseWriter, r *http.Request) (_ http.ResponseWriter, held *http.Request, done func()) {
	// No feed reports the end of a token, so its streams are checked as other answers are.
	open := mayStayOpen(r)
	if !open || p.token != nil {
		if open || r.ProtoMajor == 3 {
			ctx, cancel := context.WithCancelCause(r.Context())
			r, p.answer.cancel = r.WithContext(ctx), cancel
		}
		p.answer.begin(w, p.live.ID, streamTerms{site: h, sessions: p.sessions, ip: p.visit.IP, userAgent: r.UserAgent(), token: p.token, open: open}, p.query.Time)
		p.answer.reads(r)
		return &p.answer, r, nil
	}
	terms := &streamTerms{site: h, sessions: p.sessions, ip: p.visit.IP, userAgent: r.UserAgent()}
	ctx, cancel := context.WithCancelCause(r.Context())
	tied := &tiedWriter{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}}
	wire := http.NewResponseController(innermost(w))
	var mu sync.Mutex
	over := false
	stop := p.sessions.Watch(p.live.ID, terms, func(cause error) {
		mu.Lock()
		defer mu.Unlock()
		if over {
			return // the connection may already serve another request
		}
		tied.over.Store(true)
		cancel(cause)
		_ = wire.SetWriteDeadline(time.Now()) // for a write that waits for a client that does not read
	})
	return tied, r.WithContext(ctx), func() {
		stop()
		mu.Lock()
		defer mu.Unlock()
		over = true
		cancel(nil)
	}
}

// tiedWriter writes nothing after its session has ended.
type tiedWriter struct {
	*caddyhttp.ResponseWriterWrapper
	over atomic.Bool
}

// Write implements http.ResponseWriter.
func (w *tiedWriter) Write(p []byte) (int, error) {
	if w.over.Load() {
		return 0, errSessionOver
	}
	return w.ResponseWriter.Write(p)
}

// FlushError implements what http.ResponseController looks for.
func (w *tiedWriter) FlushError() error {
	if w.over.Load() {
		return errSessionOver
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// ReadFrom implements io.ReaderFrom. It does not use ReadFrom of the wrapped writer, which would write without the
// check.
func (w *tiedWriter) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{w}, r)
}

// innermost returns the writer of the HTTP server itself. Any goroutine may set its deadlines. The deadlines of writers
// around it, such as Caddy's idle timeouts, may be set only by the goroutine that writes.
func innermost(w http.ResponseWriter) http.ResponseWriter {
	for {
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = wrapper.Unwrap()
	}
}

// mayStayOpen reports whether the response to a request can go on for long.
func mayStayOpen(r *http.Request) bool {
	if len(r.Header["Upgrade"]) > 0 || r.Method == http.MethodConnect {
		return true
	}
	for _, accept := range r.Header["Accept"] {
		if strings.Contains(accept, "text/event-stream") {
			return true
		}
	}
	for _, kind := range r.Header["Content-Type"] {
		if strings.HasPrefix(kind, "application/grpc") {
			return true
		}
	}
	return false
}
