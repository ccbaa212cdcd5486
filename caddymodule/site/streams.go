package site

import (
	"bufio"
	"context"
	"io"
	"net"
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
	s.sessions.Watch(&s.watch, s)
	defer func() {
		s.end()
		*r = *r.WithContext(before) // for error routes
	}()
	return next.ServeHTTP(s, r)
}

func (s *stream) end() {
	s.sessions.Unwatch(&s.watch, s)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	s.cancel(nil)
}

// Session implements session.Holder.
func (s *stream) Session() session.ID { return s.live.ID }

// Over implements session.Holder.
func (s *stream) Over(cause error) (cut bool, rest func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over.Store(true)
	if taken, ok := s.ResponseWriter.(*takenOver); ok && !s.done {
		cut = taken.cut()
	}
	return cut, func() { s.close(cause) }
}

// close ends the request, and a write that waits for a client that does not read. Over HTTP/2 it resets the stream at once.
func (s *stream) close(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return
	}
	wire := http.NewResponseController(innermost(s.ResponseWriter))
	_ = wire.SetWriteDeadline(time.Now())
	s.cancel(cause)
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

// takenOver is the writer of a request whose connection was taken over, as a proxy does for a WebSocket. Only such requests keep
// their connection: ten thousand event streams have no use for the memory.
type takenOver struct {
	http.ResponseWriter
	conn net.Conn
}

// Unwrap implements what http.ResponseController looks for.
func (t *takenOver) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// cut ends the connection towards the client: what is written after that is not sent. It wakes no goroutine that copies from it or
// to it, and does not wait for the client: where there is TLS it sends no alert, which could wait. It reports whether it could.
func (t *takenOver) cut() bool {
	conn := t.conn
	for {
		outer, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		conn = outer.NetConn()
	}
	half, ok := conn.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}

// Hijack implements http.Hijacker. A session that has ended meanwhile has no connection.
func (s *stream) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(s.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := &takenOver{ResponseWriter: s.ResponseWriter, conn: conn}
	if s.over.Load() {
		taken.cut()
	}
	s.ResponseWriter = taken
	return conn, buffered, nil
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
