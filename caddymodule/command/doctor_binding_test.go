package command

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The doctor says for each site what stands in the way of a binding: plain http, or a certificate that is not trusted.
func TestDoctorOfBindings(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, gonePort, _ := net.SplitHostPort(gone.Addr().String())
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Certificate())
	here := siteAddress{app: "wiki", host: u.Hostname(), port: u.Port()}
	for name, tt := range map[string]struct {
		site        siteAddress
		roots       *x509.CertPool
		level, text string
	}{
		"trusted":            {here, trusted, findOK, "this machine trusts the certificate"},
		"not trusted":        {here, x509.NewCertPool(), findWarn, "does not trust the certificate"},
		"of another name":    {siteAddress{app: "wiki", host: "localhost", port: u.Port()}, trusted, findWarn, "does not trust the certificate"},
		"plain http":         {siteAddress{app: "wiki", host: "wiki.example.com", plain: true}, trusted, findWarn, "has no TLS"},
		"plain, on loopback": {siteAddress{app: "wiki", host: "localhost", plain: true}, trusted, findWarn, "has no TLS"},
		"any name":           {siteAddress{app: "wiki"}, trusted, findOK, "names that are not listed"},
		"names below one":    {siteAddress{app: "wiki", host: "*.example.com"}, trusted, findOK, "names that are not listed"},
		"no answer":          {siteAddress{app: "wiki", host: "127.0.0.1", port: gonePort}, trusted, findOK, "cannot be checked from here"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &doctor{roots: tt.roots}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			found := d.bindings(ctx, []siteAddress{tt.site})
			if len(found) != 1 || found[0].Level != tt.level || found[0].Check != "binding" || found[0].Subject != "wiki" || !strings.Contains(found[0].Message, tt.text) {
				t.Errorf("found %+v, want %s %q", found, tt.level, tt.text)
			}
		})
	}
	if found := new(doctor).bindings(t.Context(), make([]siteAddress, 100)); len(found) != maxBindingSites {
		t.Errorf("%d findings", len(found))
	}
}

// Without `binding` the doctor has nothing to say about it.
func TestDoctorAsksForBindingsOnlyIfTheyAreWanted(t *testing.T) {
	dir := t.TempDir()
	c := clinic{dir: dir, issuer: metadataOnly{}.start(t), store: "file " + dir + "/sessions.db", site: "wiki.test.invalid"}
	found, _ := examined(t, c.caddyfile())
	for _, f := range found {
		if f.Check == "binding" {
			t.Errorf("found %+v", f)
		}
	}
	c.app = "session {\nbinding prefer\n}"
	found, _ = examined(t, c.caddyfile())
	said := false
	for _, f := range found {
		said = said || f.Check == "binding"
	}
	if !said {
		t.Errorf("found %+v", found)
	}
}
