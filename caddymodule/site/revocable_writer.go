package site

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/session"
)

const (
	// lastingLook is how often a running answer checks whether its session still holds.
	lastingLook = 500 * time.Millisecond
	// lastingChunk is how many bytes of a file are sent between two checks of the time.
	lastingChunk = 1 << 20
)

// revocableWriter is the answer to a request that a session has allowed. Most answers end quickly. A long one (an
// upload, a download, a slow answer) checks its session from time to time. When the session has ended, the writer
// accepts no more data and the rest of the body is not read (field trial 2.7).
type revocableWriter struct {
	caddyhttp.ResponseWriterWrapper
	who    session.ID
	opened answerTerms
	due    atomic.Int64 // time of the next check, in Unix nanoseconds
	over   atomic.Bool
	// streams: the application has answered with a stream of events, whatever the client asked for.
	streams atomic.Bool
	watched
}

// watchAnswer makes the answer to a request that a session or a token has allowed check it. open: it can stay open, which is
// so for programs only, because no feed reports the end of a token; see keepOpen.
func (p *request) watchAnswer(h *Site, w http.ResponseWriter, r *http.Request) (http.ResponseWriter, *http.Request) {
	open := p.token != nil && mayStayOpen(r)
	if open || r.ProtoMajor == 3 {
		ctx, cancel := context.WithCancelCause(r.Context())
		r, p.answer.cancel = r.WithContext(ctx), cancel
	}
	p.answer.begin(w, p.live.ID, answerTerms{streamTerms: p.terms(h, r), token: p.token, open: open}, p.query.Time)
	p.answer.reads(r)
	return &p.answer, r
}

// begin initializes l as the writer around w, and adds it to the requests in flight. It is called once; end removes it.
func (l *revocableWriter) begin(w http.ResponseWriter, who session.ID, terms answerTerms, now time.Time) {
	l.ResponseWriter = w
	l.who, l.opened = who, terms
	l.due.Store(now.Add(lastingLook).UnixNano())
	inFlight.add(l)
}

// reads makes the request read its body through l.
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

// Read implements io.Reader. It checks the session after the read, so that data that arrives too late is not passed on.
func (b *lastingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.answer.ended() {
		return 0, errSessionOver
	}
	return n, err
}

// ended checks the session if a check is due. While the store is unavailable it cannot tell, and returns false.
func (l *revocableWriter) ended() bool {
	if l.over.Load() {
		return true
	}
	now, due := time.Now(), l.due.Load()
	if now.UnixNano() < due || !l.due.CompareAndSwap(due, now.Add(lastingLook).UnixNano()) {
		return false
	}
	terms := l.opened
	terms.open = terms.open || l.streams.Load()
	err := terms.still(context.Background(), l.who, now)
	if errors.Is(err, session.ErrNotFound) || errors.Is(err, session.ErrExpired) {
		l.over.Store(true)
	}
	return l.over.Load()
}

// WriteHeader implements http.ResponseWriter.
func (l *revocableWriter) WriteHeader(status int) {
	if strings.HasPrefix(l.Header().Get("Content-Type"), "text/event-stream") {
		l.streams.Store(true)
	}
	l.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (l *revocableWriter) Write(p []byte) (int, error) {
	if l.ended() {
		return 0, errSessionOver
	}
	return l.ResponseWriter.Write(p)
}

// ReadFrom lets the system send a file, one chunk at a time.
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

// FlushError implements the interface that http.ResponseController looks for.
func (l *revocableWriter) FlushError() error {
	if l.over.Load() {
		return errSessionOver
	}
	return http.NewResponseController(l.ResponseWriter).Flush()
}

// Flush implements http.Flusher.
func (l *revocableWriter) Flush() { _ = l.FlushError() }
