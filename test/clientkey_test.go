package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// keyFile writes a private key as an operator would keep it.
func keyFile(t *testing.T, name string, key crypto.Signer) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	// In place of the old one at once: the gateway reads it whenever it asks the provider.
	next := name + ".next"
	if err := os.WriteFile(next, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, name); err != nil {
		t.Fatal(err)
	}
}

// keySite is a site whose client has no secret: the provider knows its public key, and takes nothing else.
func keySite(t *testing.T, registered, used crypto.Signer, app string) (s *site, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "client.pem")
	return newSite(t, keyConfig(t, registered, used, app, file)), file
}

// keyConfig is the configuration of that site, with the key in file.
func keyConfig(t *testing.T, registered, used crypto.Signer, app, file string) config {
	t.Helper()
	keyFile(t, file, used)
	return config{
		provider: "client_auth private_key_jwt " + file, app: app,
		idp: func(ic *rig.IDPConfig) {
			client := &ic.Clients[0]
			client.Secret, client.AuthMethod = "", "private_key_jwt"
			client.JWKS = keySet(t, registered)
		},
	}
}

// RFC 7523: a client that proves itself with a key is known at every endpoint that asks who it is: when it redeems a code,
// when it refreshes, when it revokes.
func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"ES256": curve, "RS256": old} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := keySite(t, key, key, recheck2s)
			c := rig.NewHTTP(t)
			s.entered(c, "/", "alice", "No")
			proven := func(grant string) bool {
				for _, r := range s.idp.State().Requests {
					if r.Endpoint == "token" && r.Params["grant_type"] == grant {
						return r.Status == http.StatusOK && r.Params["auth"] == "private_key_jwt"
					}
				}
				return false
			}
			if !proven("authorization_code") {
				t.Errorf("the code was redeemed by %v", s.idp.Last("token"))
			}
			rig.Within(t, 2*recheckEvery+recheckSlack, "a refresh", func() bool { return s.alive(c) && proven("refresh_token") })
			r := c.Press(c.Get(s.url("/.latchkey/sign-out")), "Sign out")
			if s.alive(c) {
				t.Errorf("still signed in after %s: %d", r.At, r.StatusCode)
			}
			rig.Until(t, rig.Patience, "a revocation", func() bool { return s.idp.Hits("revocation") > 0 && s.idp.Last("revocation").Status != 0 })
			if last := s.idp.Last("revocation"); last.Status != http.StatusOK {
				t.Errorf("the revocation was answered with %d", last.Status)
			}
			if out := s.gw.Output(); strings.Contains(out, "not revoked") || strings.Contains(out, "PRIVATE KEY") {
				t.Error("the log speaks of the token or of the key")
			}
		})
	}
}

// A key that the provider does not know ends in a page, no session, and an entry that says whose fault it is; the right
// key in the same file mends it without a reload.
func TestPrivateKeyJWTRefused(t *testing.T) {
	t.Parallel()
	var keys [2]*ecdsa.PrivateKey
	for i := range keys {
		var err error
		if keys[i], err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	s, file := keySite(t, keys[0], keys[1], "")
	c := rig.NewHTTP(t)
	r := s.enter(c, "/", "alice", "No")
	if r.StatusCode != http.StatusBadGateway || !strings.Contains(r.Header.Get("Content-Type"), "text/html") || !strings.Contains(r.Text, "answered with an error") || s.sessions() != 0 {
		t.Errorf("a wrong key: %d at %s, %d sessions\n%s", r.StatusCode, r.At, s.sessions(), r.Text)
	}
	if strings.Contains(s.gw.Output(), "client_assertion") || strings.Contains(r.Text, "eyJ") {
		t.Error("an assertion was told")
	}
	log := s.gw.SignInLog()
	if len(log) != 1 || log[0].Text("signInStatus") != "failure" || log[0].Code() != 900001 ||
		!strings.Contains(fmt.Sprint(log[0]["status"]), "invalid_client") {
		t.Errorf("the sign-in log: %v", log)
	}
	keyFile(t, file, keys[0])
	s.entered(rig.NewHTTP(t), "/", "alice", "No")
}
