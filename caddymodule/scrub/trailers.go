package scrub

import (
	"io"
	"net/http"
)

// trailers removes identity headers from the trailers too: a proxy forwards them, and some servers merge them into the
// headers. Before the body is read only announced trailers exist. Those that arrive with the end of the body are added
// to the same map, so it is cleaned again there. For a request without trailers the cost is one length check.
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
