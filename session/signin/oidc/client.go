package oidc

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"time"
)

// idpTimeout is the default timeout of one request to a provider, including the body.
const idpTimeout = 10 * time.Second

// ClientConfig configures the HTTP client for a provider. The zero value is ready to use.
type ClientConfig struct {
	// Roots are the trusted authorities. Nil: the system's.
	Roots *x509.CertPool
	// Certificate returns the certificate of the client, for servers that ask for one (RFC 8705). It is called at each
	// connection, so that a renewed certificate needs no reload. Nil: none.
	Certificate func() (*tls.Certificate, error)
	// AEADOnly accepts of TLS 1.2 only the cipher suites of RFC 9325, section 4.2, as the FAPI 2.0 security profile demands.
	AEADOnly bool
	// Wrap wraps the transport. It may be nil.
	Wrap func(http.RoundTripper) http.RoundTripper
	// Timeout is the timeout of one request, including the body. Zero: 10 seconds.
	Timeout time.Duration
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// NewClient returns the HTTP client for a provider: it follows no redirect, limits time and body size, and respects
// pauses that the provider requests.
func NewClient(c ClientConfig) *http.Client {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Timeout <= 0 {
		c.Timeout = idpTimeout
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12}
	if c.AEADOnly {
		t.TLSClientConfig.CipherSuites = []uint16{
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		}
	}
	if c.Certificate != nil {
		t.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.Certificate() }
	}
	t.MaxIdleConnsPerHost = 16
	t.ResponseHeaderTimeout = c.Timeout
	t.MaxResponseHeaderBytes = 64 << 10
	var rt http.RoundTripper = boundedBody{t}
	if c.Wrap != nil {
		rt = c.Wrap(rt)
	}
	rt = newRetryAfterTransport(rt, c.Now, t.CloseIdleConnections)
	return &http.Client{
		Transport:     rt,
		Timeout:       c.Timeout,
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

// limitedBody returns an error over the limit, where io.LimitReader would silently cut: half an answer must not look
// complete.
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
