package config

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// keyFile writes a key of a client, and returns the name of the file.
func keyFile(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "client.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func curveKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func compiled(t *testing.T, p *Provider) (*oidc.Provider, error) {
	t.Helper()
	p.Issuer, p.ClientID = "https://login.example.com", "latchkey"
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	return p.Compile(zap.NewNop(), nil)
}

// The second key is read with the first one: a rotation does not begin with a file that cannot be used.
func TestNextKey(t *testing.T) {
	first, other := keyFile(t, curveKey(t, elliptic.P256())), keyFile(t, curveKey(t, elliptic.P256()))
	for name, row := range map[string]struct{ next, want string }{
		"another key": {other, ""},
		"the same":    {first, "next_key is the same key"},
		"missing":     {filepath.Join(t.TempDir(), "nothing"), "no such file"},
		"no variable": {"{env.LATCHKEY_TEST_NOT_SET}", "client_auth"},
	} {
		p, err := compiled(t, &Provider{ClientAuth: &ClientAuth{Method: PrivateKeyJWT, KeyFile: first, NextKeyFile: row.next}})
		if row.want != "" {
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || p.NextClientKey == nil {
			t.Fatalf("%s: %v", name, err)
		}
		signs, err := p.ClientKey()
		if err != nil {
			t.Fatal(err)
		}
		next, err := p.NextClientKey()
		if err != nil || next.ID == signs.ID {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The profile turns on what it demands, and refuses keys that cannot sign by its algorithms, also when a file is replaced later.
func TestProfile(t *testing.T) {
	file := keyFile(t, curveKey(t, elliptic.P256()))
	p, err := compiled(t, &Provider{Profile: ProfileFAPI2, ClientAuth: &ClientAuth{Method: PrivateKeyJWT, KeyFile: file}})
	if err != nil || !p.FAPI || !p.DPoP || p.Push != oidc.PushRequire || p.ClientAudience != p.Issuer {
		t.Errorf("%v: %+v", err, p)
	}
	if plain, err := compiled(t, &Provider{ClientAuth: &ClientAuth{Method: PrivateKeyJWT, KeyFile: file}}); err != nil || plain.FAPI || plain.DPoP || plain.Push != "" || plain.ClientAudience != "" {
		t.Errorf("without it: %v: %+v", err, plain)
	}
	if named, err := compiled(t, &Provider{ClientAuth: &ClientAuth{Method: PrivateKeyJWT, KeyFile: file, Audience: AudienceIssuer}}); err != nil || named.ClientAudience != named.Issuer {
		t.Errorf("audience issuer: %v", err)
	}
	other, err := os.ReadFile(keyFile(t, curveKey(t, elliptic.P384())))
	if err == nil {
		err = os.WriteFile(file, other, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.ClientKey(); err == nil || !strings.Contains(err.Error(), "P-256") {
		t.Errorf("a key of P-384 later: %v", err)
	}
	if _, err := compiled(t, &Provider{Profile: ProfileFAPI2, ClientAuth: &ClientAuth{Method: PrivateKeyJWT, KeyFile: file}}); err == nil || !strings.Contains(err.Error(), "P-256") {
		t.Errorf("a key of P-384: %v", err)
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := compiled(t, &Provider{Profile: ProfileFAPI2, ClientAuth: &ClientAuth{Method: PrivateKeyJWT, KeyFile: keyFile(t, long)}}); err != nil {
		t.Errorf("an RSA key: %v", err)
	}
}
