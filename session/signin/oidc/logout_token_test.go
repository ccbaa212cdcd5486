package oidc

import (
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/claim"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// FuzzLogoutToken: whatever comes, a token that the provider has not signed ends nothing and breaks nothing.
func FuzzLogoutToken(f *testing.F) {
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("a.b.c")
	f.Add(`eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOm51bGwsImF1ZCI6W119.AA`)
	providers := []*Provider{New(Config{Name: "main", Issuer: "https://login.example.com", ClientID: oidctest.Client})}
	f.Fuzz(func(t *testing.T, raw string) {
		parts, err := splitToken(raw)
		if err != nil {
			return
		}
		_, _ = checkLogoutHeader(parts.header)
		claims, err := claim.Parse(parts.payload)
		if err != nil {
			return
		}
		if p := logoutProvider(providers, claims); p != nil {
			if token, err := p.checkLogoutClaims(claims); err == nil && (token.ID == "" || token.Subject+token.ProviderSession == "") {
				t.Errorf("%q was taken as %+v", raw, token)
			}
		}
	})
}
