package signin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

func selfSigned(t *testing.T, serial int64) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// withCertificates is the part of a provider for clients with a certificate: the same endpoints at another address.
type withCertificates struct {
	*httptest.Server
	serial atomic.Int64 // of the last certificate; 0 if there was none
}

func newWithCertificates(t *testing.T, to *oidctest.IDP) *withCertificates {
	t.Helper()
	target, err := url.Parse(to.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := new(withCertificates)
	onward := httputil.NewSingleHostReverseProxy(target)
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 {
			p.serial.Store(0)
			oidctest.WriteJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
			return
		}
		p.serial.Store(r.TLS.PeerCertificates[0].SerialNumber.Int64())
		onward.ServeHTTP(w, r)
	}))
	p.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	p.StartTLS()
	t.Cleanup(p.Close)
	return p
}

// RFC 8705: a client with a certificate presents it at the endpoints that the provider has for that, says its client ID in
// the form, and has no other secret. Another certificate is presented from the next connection on.
func TestClientCertificate(t *testing.T) {
	var cert atomic.Pointer[tls.Certificate]
	cert.Store(selfSigned(t, 7))
	var special *withCertificates
	var client *http.Client
	g := newGateway(t, func(s *settings) {
		s.recheck = time.Hour
		s.idp = oidctest.New(t, s.clock.Now)
		special = newWithCertificates(t, s.idp)
		s.idp.Metadata = map[string]any{"mtls_endpoint_aliases": map[string]any{
			"token_endpoint": special.URL + "/token", "revocation_endpoint": special.URL + "/revoke",
		}}
		roots := x509.NewCertPool()
		roots.AddCert(special.Certificate())
		read := func() (*tls.Certificate, error) { return cert.Load(), nil }
		client = oidc.NewClient(oidc.ClientConfig{Roots: roots, Certificate: read, Now: s.clock.Now})
		s.client = client
		s.provider = func(c *oidc.Config) { c.ClientSecret, c.ClientCertificate = nil, read }
	})
	b := g.browser()
	b.signIn("yes")
	if special.serial.Load() != 7 {
		t.Errorf("the token endpoint saw certificate %d", special.serial.Load())
	}
	if form := g.idp.LastToken; form.Get("client_id") != oidctest.Client || form.Get("client_secret") != "" || form.Get("client_assertion") != "" {
		t.Errorf("the form has client_id %q and more: %v", form.Get("client_id"), form)
	}
	cert.Store(selfSigned(t, 8))
	client.CloseIdleConnections()
	g.browser().signIn("yes")
	if special.serial.Load() != 8 {
		t.Errorf("after the change the token endpoint saw certificate %d", special.serial.Load())
	}
}

// Without a certificate of the configuration the special endpoints are not used: they would refuse the client.
func TestAliasesAreForCertificates(t *testing.T) {
	var special *withCertificates
	g := newGateway(t, func(s *settings) {
		s.idp = oidctest.New(t, s.clock.Now)
		special = newWithCertificates(t, s.idp)
		s.idp.Metadata = map[string]any{"mtls_endpoint_aliases": map[string]any{"token_endpoint": special.URL + "/token"}}
	})
	g.browser().signIn("yes")
	if g.idp.Count("/token") != 1 {
		t.Errorf("the token endpoint was asked %d times", g.idp.Count("/token"))
	}
}

// A certificate that cannot be read now is an outage of sign-ins, not a request without it.
func TestClientCertificateUnreadable(t *testing.T) {
	var special *withCertificates
	g := newGateway(t, func(s *settings) {
		s.idp = oidctest.New(t, s.clock.Now)
		special = newWithCertificates(t, s.idp)
		s.idp.Metadata = map[string]any{"mtls_endpoint_aliases": map[string]any{"token_endpoint": special.URL + "/token"}}
		roots := x509.NewCertPool()
		roots.AddCert(special.Certificate())
		read := func() (*tls.Certificate, error) { return nil, errors.New("the file is gone") }
		s.client = oidc.NewClient(oidc.ClientConfig{Roots: roots, Certificate: read, Now: s.clock.Now})
		s.provider = func(c *oidc.Config) { c.ClientSecret, c.ClientCertificate = nil, read }
	})
	b := g.browser()
	if r := b.callback(b.toProvider("/")); r.status < http.StatusInternalServerError {
		t.Errorf("the sign-in ended with %d", r.status)
	}
	if g.idp.Count("/token") != 0 {
		t.Error("the token endpoint was asked without the certificate")
	}
}
