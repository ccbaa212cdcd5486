package oidc

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

const publishedMetadata = `{"issuer":"https://idp.example","authorization_endpoint":"https://idp.example/auth","token_endpoint":"https://idp.example/token",
	"jwks_uri":"https://idp.example/keys","response_types_supported":["code"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["ES256"]}`

// A renewal and an exchange in the first moment of a configuration wait for the metadata that it asks for, and for no outage: not
// longer than a sign-in does, and not at all once the provider could not be asked.
func TestRenewalsWaitForTheFirstMetadata(t *testing.T) {
	away := errors.New("no route to host")
	for name, tt := range map[string]struct {
		takes  time.Duration
		err    error
		waits  time.Duration
		asks   bool // the token endpoint
		second time.Duration
	}{
		"it comes":      {time.Second, nil, time.Second, true, 0},
		"it fails":      {time.Second, away, time.Second, false, 0},
		"it hangs":      {time.Minute, away, discoverPatience, false, discoverPatience},
		"it is at once": {0, nil, 0, true, 0},
	} {
		for what, call := range map[string]func(context.Context, *Provider) error{
			"renewal": func(ctx context.Context, p *Provider) error {
				_, err := p.Refresh(ctx, &session.Record{}, session.Tokens{Refresh: "refresh"})
				return err
			},
			"exchange": func(ctx context.Context, p *Provider) error {
				_, err := (&Exchange{Audience: []string{"x"}}).At(ctx, p, "access")
				return err
			},
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					asked := 0
					answer := func(r *http.Request, status int, body string) *http.Response {
						return &http.Response{Request: r, StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}
					}
					p := New(Config{Name: "main", Issuer: "https://idp.example", ClientID: "client", Now: time.Now, Client: &http.Client{
						Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
							if r.URL.Path == "/token" {
								asked++
								return answer(r, http.StatusBadRequest, `{"error":"invalid_grant"}`), nil
							}
							select {
							case <-time.After(tt.takes):
							case <-r.Context().Done():
								return nil, r.Context().Err()
							}
							if tt.err != nil {
								return nil, tt.err
							}
							return answer(r, http.StatusOK, publishedMetadata), nil
						}),
					}})
					go p.run(ctx)
					defer synctest.Wait()
					defer cancel()
					for i, want := range []time.Duration{tt.waits, tt.second} {
						began := time.Now()
						err := call(ctx, p)
						if took := time.Since(began); took != want || err == nil || errors.Is(err, errNotAsked) == tt.asks || (asked > i) != tt.asks {
							t.Errorf("call %d: %v after %v, want %v; the token endpoint was asked %d times", i+1, err, took, want, asked)
						}
					}
				})
			})
		}
	}
}
