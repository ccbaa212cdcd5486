package oidc

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// FAPI 2.0, section 5.2.1: with TLS 1.2 only the cipher suites of RFC 9325. Other providers may still need an older one.
func TestCipherSuites(t *testing.T) {
	for _, row := range []struct {
		suite uint16
		aead  bool
	}{{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, false}, {tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, true}} {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			oidctest.WriteJSON(w, http.StatusOK, nil)
		}))
		server.TLS = &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{row.suite}}
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(server.Close)
		roots := x509.NewCertPool()
		roots.AddCert(server.Certificate())
		for _, only := range []bool{false, true} {
			client := NewClient(ClientConfig{Roots: roots, AEADOnly: only})
			resp, err := client.Get(server.URL)
			if err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
			client.CloseIdleConnections()
			if (err == nil) != (row.aead || !only) {
				t.Errorf("%s, aead only %t: %v", tls.CipherSuiteName(row.suite), only, err)
			}
		}
	}
}
