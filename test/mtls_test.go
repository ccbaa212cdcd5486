package e2e

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// authority issues certificates for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issued is a certificate with its key.
type issued struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, key: curveKey(t)}
	a.cert = a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}, a.key)
	return a
}

// sign issues a certificate; the first one is its own.
func (a *authority) sign(template *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	parent := a.cert
	if parent == nil {
		parent = template
	}
	return parse(a.t, template, parent, key, a.key)
}

func parse(t *testing.T, template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// issue makes a certificate for a name.
func (a *authority) issue(serial int64, name string) issued {
	a.t.Helper()
	key := curveKey(a.t)
	return issued{a.sign(&x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{name}}, key), key}
}

// selfSigned is a certificate of no authority.
func selfSigned(t *testing.T, serial int64) issued {
	t.Helper()
	key := curveKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	return issued{parse(t, template, template, key, key), key}
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func (i issued) keyPEM(t *testing.T) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf("PRIVATE KEY", der)
}

// jwks is the certificate as it is registered for self_signed_tls_client_auth.
func (i issued) jwks() jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.key.Public(), Certificates: []*x509.Certificate{i.cert}, Use: "sig", KeyID: i.serial()}}}
}

// serial is the number as the provider writes it.
func (i issued) serial() string { return fmt.Sprintf("%02X", i.cert.SerialNumber) }

// certified is a site whose client has a certificate.
type certified struct {
	*site
	t      *testing.T
	dir    string // of the files
	client rig.Client
}

// newCertified is a site at a provider with endpoints for certificates, which trusts an authority.
func newCertified(t *testing.T, server *authority, words string, has issued, register func(*rig.Client)) *certified {
	t.Helper()
	dir := t.TempDir()
	c := &certified{t: t, dir: dir}
	c.show(has)
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, []byte(pemOf("CERTIFICATE", server.cert.Raw)), 0o600); err != nil {
		t.Fatal(err)
	}
	own := server.issue(2, "localhost")
	c.site = newSite(t, config{
		app:      recheck2s,
		provider: fmt.Sprintf("client_auth tls %s %s\nca_file %s\n%s", filepath.Join(dir, "client.crt"), filepath.Join(dir, "client.key"), ca, words),
		idp: func(ic *rig.IDPConfig) {
			ic.IDTokenClaims = new(bool) // so that userinfo is asked with the token
			ic.TLS = &rig.ServerTLS{Cert: pemOf("CERTIFICATE", own.cert.Raw), Key: own.keyPEM(t), CA: pemOf("CERTIFICATE", server.cert.Raw)}
			ic.Clients[0].Secret, ic.Clients[0].CertificateBound = "", true
			register(&ic.Clients[0])
			c.client = ic.Clients[0]
			if strings.Contains(words, "fapi2") {
				ic.FAPI, ic.RequirePush, ic.Clients[0].Alg = true, true, "ES256"
			}
		},
	})
	return c
}

// show writes the certificate that the gateway presents from its next connection on.
func (c *certified) show(i issued) {
	c.t.Helper()
	for name, text := range map[string]string{"client.crt": pemOf("CERTIFICATE", i.cert.Raw), "client.key": i.keyPEM(c.t)} {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
}

// RFC 8705 with a real provider: a client with a certificate, of an authority or self-signed, presents it wherever the provider
// has an endpoint for that, and to no other one. Its tokens are bound to it: userinfo and renewals work with it.
func TestClientCertificates(t *testing.T) {
	t.Parallel()
	for name, words := range map[string]string{"plain": "", "pushed": "par require", "FAPI 2.0": "profile fapi2", "FAPI 2.0 with DPoP": "profile fapi2\ndpop on"} {
		for _, kind := range []string{"tls_client_auth", "self_signed_tls_client_auth"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				server := newAuthority(t)
				has := selfSigned(t, 0x51)
				if kind == "tls_client_auth" {
					has = server.issue(0x51, "gw.client.test")
				}
				c := newCertified(t, server, words, has, func(client *rig.Client) {
					client.AuthMethod = kind
					if client.Host = "gw.client.test"; kind != "tls_client_auth" {
						client.Host, client.JWKS = "", has.jwks()
					}
					if strings.Contains(words, "dpop") {
						client.CertificateBound, client.KeyBound = false, true
					}
				})
				b := rig.NewHTTP(t)
				c.entered(b, "/", "alice", "No")
				rig.Within(t, 3*recheckEvery+2*recheckSlack, "two renewals", func() bool { return c.alive(b) && c.renewals() > 1 })
				c.leave(b)
				want := map[string]bool{"token": true, "userinfo": true, "revocation": true, "push": words != ""}
				for _, r := range c.idp.State().Requests {
					if presented := r.Certificate != ""; presented != want[r.Endpoint] || presented && r.Certificate != has.serial() {
						t.Errorf("%s with certificate %q", r.Endpoint, r.Certificate)
					}
					if r.Endpoint == "token" && (r.Status != http.StatusOK || r.Params["auth"] != kind) {
						t.Errorf("token: %d to a client that authenticates by %v", r.Status, r.Params["auth"])
					}
				}
				for endpoint, used := range want {
					if used && c.idp.Hits(endpoint) == 0 {
						t.Errorf("no request to %s", endpoint)
					}
				}
			})
		}
	}
}

// leave signs out, and waits for the revocation of the refresh token.
func (c *certified) leave(b *rig.HTTP) {
	c.t.Helper()
	b.Press(b.Get(c.url("/.latchkey/sign-out")), "Sign out")
	rig.Until(c.t, rig.Patience, "a revocation", func() bool { return c.idp.Hits("revocation") > 0 && c.idp.Last("revocation").Status != 0 })
	if last := c.idp.Last("revocation"); last.Status != http.StatusOK {
		c.t.Errorf("the revocation was answered with %d", last.Status)
	}
}

// A certificate that the provider does not know signs in no user: one of another authority, one for another name, and one that
// it has signed itself. The right one in the same files mends it without a reload.
func TestClientCertificatesRefused(t *testing.T) {
	t.Parallel()
	server := newAuthority(t)
	right := server.issue(0x61, "gw.client.test")
	c := newCertified(t, server, "", right, func(client *rig.Client) { client.AuthMethod, client.Host = "tls_client_auth", "gw.client.test" })
	for name, other := range map[string]issued{
		"of another authority": newAuthority(t).issue(0x62, "gw.client.test"),
		"for another name":     server.issue(0x63, "other.client.test"),
		"self-signed":          selfSigned(t, 0x64),
	} {
		c.show(other)
		c.idp.Register(c.client)
		if r := c.enter(rig.NewHTTP(t), "/", "alice", "No"); r.StatusCode != http.StatusBadGateway || c.sessions() != 0 {
			t.Errorf("%s: %d at %s, %d sessions", name, r.StatusCode, r.At, c.sessions())
		}
		if log := c.gw.SignInLog(); !strings.Contains(fmt.Sprint(log[len(log)-1]["status"]), "invalid_client") {
			t.Errorf("%s: the sign-in log: %v", name, log[len(log)-1])
		}
	}
	c.show(right)
	c.idp.Register(c.client)
	c.entered(rig.NewHTTP(t), "/", "alice", "No")
}

// A refresh token that the provider has bound to a certificate (RFC 8705, section 4: of a client that does not authenticate) is
// renewed with it, and is of no use with another one: the session ends, as if the provider had revoked it.
func TestCertificateBoundRefresh(t *testing.T) {
	t.Parallel()
	c := newCertified(t, newAuthority(t), "", selfSigned(t, 0x71), func(client *rig.Client) { client.AuthMethod = "none" })
	b := rig.NewHTTP(t)
	c.entered(b, "/", "alice", "No")
	rig.Within(t, 3*recheckEvery+2*recheckSlack, "two renewals", func() bool { return c.alive(b) && c.renewals() > 1 })
	c.show(selfSigned(t, 0x72))
	c.idp.Register(c.client)
	rig.Within(t, 3*recheckEvery+2*recheckSlack, "the end of the session", func() bool { return !c.alive(b) })
	if last := c.idp.Last("token"); last.Certificate != "72" || last.Status != http.StatusBadRequest {
		t.Errorf("the last renewal: %+v", last)
	}
}
