package scrub

import (
	"io"
	"net/http"
)

// trailers keeps identity headers out of the trailer section as well: a proxy passes it on, and some servers merge it
// into the headers. Only announced trailers exist before the body is read, but those that arrive with the end of the
// body share their map, so the map is cleaned once more there. A request without trailers, nearly every one, pays for
// a length check.
func trailers(r *http.Request, n *Names) {
	if len(r.Trailer) == 0 || r.Body == nil {
		return
	}
	Headers(r.Trailer, n)
	r.Body = &trailerBody{ReadCloser: r.Body, trailer: r.Trailer, names: n}
}

type trailerBody struct {
	io.ReadCloser
	trailer http.Header
	names   *Names
}

func (b *trailerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		Headers(b.trailer, b.names)
	}
	return n, err
}
