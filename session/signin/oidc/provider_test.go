package oidc

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// TestMetadata: metadata of another issuer, without an endpoint, or with one that is not https, is none.
func TestMetadata(t *testing.T) {
	for name, bad := range map[string]map[string]any{
		"other issuer":      {"issuer": "https://evil.example"},
		"no token endpoint": {"token_endpoint": ""},
		"no keys":           {"jwks_uri": ""},
		"plain http":        {"token_endpoint": "http://idp.example/token"},
		"with a user":       {"authorization_endpoint": "https://a@idp.example/"},
		"javascript":        {"end_session_endpoint": "javascript:alert(1)"},
	} {
		t.Run(name, func(t *testing.T) {
			clock := storetest.NewClock()
			idp := oidctest.New(t, clock.Now)
			idp.Metadata = bad
			p := New(Config{Name: "main", Issuer: idp.URL, ClientID: oidctest.Client, Now: clock.Now})
			if err := p.Discover(t.Context()); err == nil || p.meta.Load() != nil {
				t.Error("the metadata was taken")
			}
		})
	}
}

// TestDiscoveryBacksOff: tries to fetch the metadata grow apart, and never over half a minute.
func TestDiscoveryBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		var tries []time.Duration
		p := New(Config{Name: "main", Issuer: "https://idp.example", Now: time.Now, Logger: zap.NewNop(), Client: &http.Client{
			Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				if tries = append(tries, time.Since(began)/time.Second); len(tries) == 8 {
					cancel()
				}
				return nil, errors.New("no route to host")
			}),
		}})
		p.run(ctx)
		if want := []time.Duration{0, 1, 3, 7, 15, 31, 61, 91}; !slices.Equal(tries, want) {
			t.Errorf("tried after seconds %d, want %d", tries, want)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
