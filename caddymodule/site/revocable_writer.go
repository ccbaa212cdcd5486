package site

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/session"
)

const (
	// lastingLook is how often an answer that goes on holds its session against what is known now.
	lastingLook = 500 * time.Millisecond
	// lastingChunk is how much of a file is sent between two looks at the clock.
	lastingChunk = 1 << 20
)

// revocableWriter is the answer to a request that a session has allowed. Most are over at once; one that goes on, an upload, a
// download or an answer that is long in coming, looks at its session again now and then. When that has ended, it takes
// nothing more and the rest of the body is not read (field trial 2.7).
type revocableWriter struct {
	caddyhttp.ResponseWriterWrapper
	who    session.ID
	opened streamTerms
	due    atomic.Int64 // when to look, in Unix nanoseconds
	over   atomic.Bool
	watched
}

// begin makes l the writer around w, and has the clock look after it as well. It is begun once; end ends it.
func (l *revocableWriter) begin(w http.ResponseWriter, who session.ID, streamTerms streamTerms, now time.Time) {
	l.ResponseWriter = w
	l.who, l.opened = who, streamTerms
	l.due.Store(now.Add(lastingLook).UnixNano())
	inFlight.add(l)
}

// reads has a request read its body through l.
func (l *revocableWriter) reads(r *http.Request) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &lastingBody{r.Body, l}
	}
}

// lastingBody is the body of a request that a session has allowed.
type lastingBody struct {
	io.ReadCloser
	answer *revocableWriter
}

// Read implements io.Reader. The session is looked at after the read: what comes late is not passed on.
func (b *lastingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.answer.ended() {
		return 0, errSessionOver
	}
	return n, err
}

// ended looks at the session, if it is time. Whether it is over nobody can say while the store is away.
func (l *revocableWriter) ended() bool {
	if l.over.Load() {
		return true
	}
	now, due := time.Now(), l.due.Load()
	if now.UnixNano() < due || !l.due.CompareAndSwap(due, now.Add(lastingLook).UnixNano()) {
		return false
	}
	err := l.opened.sessions.Still(context.Background(), l.who, &l.opened)
	if errors.Is(err, session.ErrNotFound) || errors.Is(err, session.ErrExpired) {
		l.over.Store(true)
	}
	return l.over.Load()
}

// Write implements http.ResponseWriter.
func (l *revocableWriter) Write(p []byte) (int, error) {
	if l.ended() {
		return 0, errSessionOver
	}
	return l.ResponseWriter.Write(p)
}

// ReadFrom lets a file be sent by the system, a piece at a time.
func (l *revocableWriter) ReadFrom(r io.Reader) (n int64, err error) {
	for {
		if l.ended() {
			return n, errSessionOver
		}
		piece := &io.LimitedReader{R: r, N: lastingChunk}
		sent, err := l.ResponseWriterWrapper.ReadFrom(piece)
		if n += sent; err != nil || piece.N > 0 {
			return n, err
		}
	}
}

// FlushError implements what http.ResponseController asks for.
func (l *revocableWriter) FlushError() error {
	if l.over.Load() {
		return errSessionOver
	}
	return http.NewResponseController(l.ResponseWriter).Flush()
}

// Flush implements http.Flusher.
func (l *revocableWriter) Flush() { _ = l.FlushError() }
