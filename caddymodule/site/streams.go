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

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
)

// stream is a response that can stay open (a WebSocket, an event stream, a tunnel), tied to the session that opened it. It
// is all that is kept of the request while it stays open, in one piece of memory: there may be ten thousand.
//
// When the session ends, the request's context ends, and with it the rest of the route. Nothing more is written, because a
// proxy that streams at once (flush_interval -1) ignores the end of the context.
type stream struct {
	caddyhttp.ResponseWriterWrapper
	identified
	streamTerms
	watch session.Watch

	mu     sync.Mutex
	cancel context.CancelCauseFunc
	over   atomic.Bool // the session has ended
	done   bool        // the connection may already serve another request
}

// keepOpen passes on a request whose response can stay open. It returns when that is over.
func (p *request) keepOpen(h *Site, w http.ResponseWriter, r *http.Request, d *policy.Decision, next caddyhttp.Handler) error {
	s := p.newStream(h, w, r)
	h.recordAllowed(r, d, &s.identified)
	p.traceAllowed(r, d)
	h.identify(&s.identified, r)
	return s.serve(r, next)
}

func (p *request) newStream(h *Site, w http.ResponseWriter, r *http.Request) *stream {
	s := &stream{identified: p.identified, streamTerms: p.terms(h, r)}
	s.ResponseWriter = w
	return s
}

// serve calls next with the request. The request gets the context in its place, as a copy would take memory for as long as
// the response stays open.
func (s *stream) serve(r *http.Request, next caddyhttp.Handler) error {
	before := r.Context()
	ctx, cancel := context.WithCancelCause(before)
	s.cancel = cancel
	*r = *r.WithContext(ctx)
	s.sessions.Watch(&s.watch, s.live.ID, s)
	defer func() {
		s.end()
		*r = *r.WithContext(before) // for error routes
	}()
	return next.ServeHTTP(s, r)
}

func (s *stream) end() {
	s.sessions.Unwatch(&s.watch)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	s.cancel(nil)
}

// Over implements session.Holder.
func (s *stream) Over(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return
	}
	s.over.Store(true)
	s.cancel(cause)
	wire := http.NewResponseController(innermost(s.ResponseWriter))
	_ = wire.SetWriteDeadline(time.Now()) // for a write that waits for a client that does not read
}

// Write implements http.ResponseWriter.
func (s *stream) Write(p []byte) (int, error) {
	if s.over.Load() {
		return 0, errSessionOver
	}
	return s.ResponseWriter.Write(p)
}

// FlushError implements what http.ResponseController looks for.
func (s *stream) FlushError() error {
	if s.over.Load() {
		return errSessionOver
	}
	return http.NewResponseController(s.ResponseWriter).Flush()
}

// ReadFrom implements io.ReaderFrom. It does not use ReadFrom of the wrapped writer, which would write without the
// check.
func (s *stream) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{s}, r)
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
