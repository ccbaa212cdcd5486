package identity

import (
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// usualLimit is the longest header line, in bytes with its name, that many servers accept: 8190 for Apache and
// gunicorn, 8192 for nginx and, for all headers of a request together, Tomcat.
const usualLimit = 8190

// Writer writes the header values of one site. It is safe for concurrent use. Its fields must not change after the
// first use.
type Writer struct {
	App      string
	Encoding Encoding
	Logger   *zap.Logger
	Now      func() time.Time

	unwritten, long rarely
}

// Text returns the value of the header called name for a text about a user, or an empty string if the text cannot be
// represented.
func (w *Writer) Text(name, user, text string) string {
	value, ok := w.Encoding.Text(text)
	if !ok && w.unwritten.now(w.Now()) {
		w.Logger.Warn("identity header is left out: its encoding cannot write the value so that the application reads the same one",
			zap.String("app", w.App), zap.String("header", name), zap.String("encoding", w.Encoding.String()), zap.String("user", user))
	}
	return w.Measure(name, user, value)
}

// List returns the value of the header called name for a list about a user.
func (w *Writer) List(name, user string, list []string) string {
	return w.Measure(name, user, w.Encoding.List(list))
}

// Measure returns value. It logs a warning if the header is too long for many servers. The header is sent anyway,
// because the application may accept it.
func (w *Writer) Measure(name, user, value string) string {
	if size := len(name) + len(": ") + len(value); size > usualLimit && w.long.now(w.Now()) {
		w.Logger.Warn("identity header is longer than most servers accept; `groups only <pattern>...` shortens a list of groups",
			zap.String("app", w.App), zap.String("header", name), zap.Int("bytes", size), zap.String("user", user))
	}
	return value
}

// rarely allows one event per minute. The zero value is ready to use.
type rarely struct{ last atomic.Int64 }

func (r *rarely) now(at time.Time) bool {
	last, now := r.last.Load(), at.UnixNano()
	return (last == 0 || now-last >= int64(time.Minute)) && r.last.CompareAndSwap(last, now)
}
