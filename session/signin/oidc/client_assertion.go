package oidc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" //nolint:gosec // a name, no secret

// authenticated returns the client for endpoints that authenticate us. With a ClientKey, it adds an assertion to each
// posted form. The audience of the assertion is the configured one. Otherwise it is the token endpoint, which all
// providers document. For a request to another endpoint it is the issuer, so that a receiver there cannot use the
// assertion at another provider's token endpoint.
func (c *Config) authenticated(m *Metadata) *http.Client {
	if c.ClientKey == nil {
		return c.Client
	}
	out := *c.Client
	out.Transport = &assertingTransport{c, m, c.Client.Transport}
	return &out
}

type assertingTransport struct {
	c    *Config
	m    *Metadata
	next http.RoundTripper
}

// maxForm is the largest form that we send, which contains a code or a refresh token.
const maxForm = 64 << 10

func (t *assertingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost || r.Body == nil {
		return t.next.RoundTrip(r)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxForm+1))
	_ = r.Body.Close()
	if err != nil || len(body) > maxForm {
		return nil, errors.Join(errors.New("form for the provider cannot be read"), err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errors.New("form for the provider cannot be read")
	}
	audience := t.c.ClientAudience
	if audience == "" {
		audience = t.c.Issuer
		if r.URL.String() == t.m.TokenEndpoint {
			audience = t.m.TokenEndpoint
		}
	}
	key, err := t.c.ClientKey()
	if err != nil {
		return nil, fmt.Errorf("client key: %w", err)
	}
	signed, err := key.sign(t.c.ClientID, audience, t.m.TokenAuthAlgorithms, t.c.Now())
	if err != nil {
		return nil, fmt.Errorf("signing client assertion: %w", err)
	}
	form.Set("client_id", t.c.ClientID)
	form.Set("client_assertion_type", jwtBearer)
	form.Set("client_assertion", signed)
	out := r.Clone(r.Context())
	out.Header.Del("Authorization")
	encoded := []byte(form.Encode())
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(encoded)), int64(len(encoded))
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(encoded)), nil }
	return t.next.RoundTrip(out)
}
