package oidc

import (
	"testing"
	"time"

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

// TestBackoff: tries grow apart, and never over half a minute.
func TestBackoff(t *testing.T) {
	for failures := 1; failures < 100; failures++ {
		if w := min(discoverLongest, discoverFirst<<min(failures-1, 5)); w < discoverFirst || w > discoverLongest {
			t.Fatalf("after %d failures: %s", failures, w)
		}
	}
	if discoverLongest > time.Minute {
		t.Error("a provider that is up again waits for longer than a minute")
	}
}
