package signin

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// idpTimeout bounds one request to a provider, body included.
	idpTimeout = 10 * time.Second
	// maxIDPBody bounds what a provider may answer: metadata, keys, tokens and userinfo alike.
	maxIDPBody = 1 << 20
)

var errIDPBody = fmt.Errorf("provider: answer of over %d bytes", maxIDPBody)

// errIDPRedirect: an endpoint of a provider redirected. Following it would send the client secret, the code or a token
// wherever the answer says.
var errIDPRedirect error = unanswerable("provider: endpoint redirects, which is not followed")

// unanswerable is why our client does not take an answer that has come.
type unanswerable string

func (e unanswerable) Error() string { return string(e) }

// Unanswerable tells package grant that there was an answer.
func (unanswerable) Unanswerable() bool { return true }

// NewIDPClient returns the HTTP client for a provider: it follows no redirect, bounds time and body, comes again when it
// is told to and not before, and trusts roots (nil: the system's). wrap, if not nil, goes around the transport.
func NewIDPClient(roots *x509.CertPool, wrap func(http.RoundTripper) http.RoundTripper) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	t.MaxIdleConnsPerHost = 16
	t.ResponseHeaderTimeout = idpTimeout
	t.MaxResponseHeaderBytes = 64 << 10
	var rt http.RoundTripper = boundedBody{t}
	if wrap != nil {
		rt = wrap(rt)
	}
	rt = &patience{next: rt, now: time.Now, until: map[string]time.Time{}, idle: t.CloseIdleConnections}
	return &http.Client{
		Transport:     rt,
		Timeout:       idpTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errIDPRedirect },
	}
}

type boundedBody struct{ next http.RoundTripper }

func (b boundedBody) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &limitedBody{ReadCloser: resp.Body, left: maxIDPBody}
	return resp, nil
}

// limitedBody fails over the limit, where io.LimitReader would silently cut: half an answer must not pass for one.
type limitedBody struct {
	io.ReadCloser
	left int
}

func (l *limitedBody) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if l.left -= n; l.left < 0 {
		return 0, errIDPBody
	}
	return n, err
}
