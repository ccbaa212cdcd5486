package command

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// A certificate of the client that ends is told before every sign-in fails by it.
func TestDoctorCertificateLife(t *testing.T) {
	now := time.Now()
	for name, row := range map[string]struct {
		from, to    time.Duration
		level, want string
	}{
		"valid":    {-time.Hour, 15 * 24 * time.Hour, "", ""},
		"near":     {-time.Hour, 13 * 24 * time.Hour, findWarn, "expires at"},
		"over":     {-time.Hour, -time.Minute, findFail, "has expired at"},
		"too soon": {time.Hour, 30 * 24 * time.Hour, findFail, "is valid from"},
	} {
		level, text := certificateLife(&x509.Certificate{NotBefore: now.Add(row.from), NotAfter: now.Add(row.to)}, now)
		if level != row.level || !strings.Contains(text, row.want) {
			t.Errorf("%s: %s %q", name, level, text)
		}
	}
}

// A provider that takes no client certificates refuses every sign-in of such a client.
func TestDoctorCompareCertificate(t *testing.T) {
	for name, row := range map[string]struct {
		methods []string
		level   string
	}{
		"of an authority": {[]string{"client_secret_basic", "tls_client_auth"}, ""},
		"self-signed":     {[]string{"self_signed_tls_client_auth"}, ""},
		"neither":         {[]string{"client_secret_basic"}, findFail},
		"not listed":      {nil, findFail},
	} {
		p := oidc.New(oidc.Config{ClientCertificate: unreadable})
		if level, text := compareAuth(p, &oidc.Offers{AuthMethods: row.methods}); level != row.level {
			t.Errorf("%s: %s %q", name, level, text)
		}
	}
}

func unreadable() (*tls.Certificate, error) { return nil, errors.New("no file in this test") }
