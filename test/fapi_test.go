package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"net/http"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

func curveKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// keySet is what is registered at the provider of keys.
func keySet(t *testing.T, keys ...crypto.Signer) (set jose.JSONWebKeySet) {
	t.Helper()
	for _, key := range keys {
		public := jose.JSONWebKey{Key: key.Public(), Use: "sig"}
		thumb, err := public.Thumbprint(crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		public.KeyID = base64.RawURLEncoding.EncodeToString(thumb) // RFC 7638, as it is documented
		set.Keys = append(set.Keys, public)
	}
	return set
}

// renewals are the refresh tokens that the provider has taken.
func (s *site) renewals() (n int) {
	s.t.Helper()
	for _, r := range s.idp.State().Requests {
		if r.Endpoint == "token" && r.Params["grant_type"] == "refresh_token" && r.Status == http.StatusOK {
			n++
		}
	}
	return n
}

// strict is a provider of FAPI 2.0, which refuses what its profile forbids: requests in the open, assertions for another audience,
// tokens that are not bound, proofs without its nonce.
func strict(ic *rig.IDPConfig) {
	ic.FAPI, ic.RequirePush, ic.ProofNonce, ic.IDTokenClaims = true, true, true, new(bool)
	ic.Clients[0].Alg = "ES256"
}

// fapi2-security-profile-final-client-test-happy-path, with a real provider: the sign-in, userinfo and renewals, with either way to
// authenticate and to bind tokens.
func TestFAPI2(t *testing.T) {
	t.Parallel()
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		key    crypto.Signer
		signed string
		words  string
	}{
		"P-256":           {curveKey(t), "", ""},
		"RSA":             {long, "", ""},
		"signed":          {curveKey(t), "offered", "\nsigned_requests require"},
		"signed with RSA": {long, "offered", "\nsigned_requests require"},
		"signature asked": {curveKey(t), "required", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := keyConfig(t, row.key, row.key, recheck2s, filepath.Join(t.TempDir(), "client.pem"))
			register := c.idp
			c.provider += "\nprofile fapi2" + row.words
			c.idp = func(ic *rig.IDPConfig) {
				register(ic)
				strict(ic)
				ic.Signed, ic.Clients[0].KeyBound = row.signed, true
			}
			s := newSite(t, c)
			b := rig.NewHTTP(t)
			s.entered(b, "/", "alice", "No")
			rig.Within(t, 3*recheckEvery+2*recheckSlack, "two renewals", func() bool { return s.alive(b) && s.renewals() > 1 })
			for _, r := range s.idp.State().Requests {
				switch r.Endpoint {
				case "authorize":
					if len(r.Query) > 0 && (len(r.Query) != 2 || r.Query["request_uri"] == "") {
						t.Errorf("the browser carries %v", r.Query)
					}
				case "push", "token", "userinfo":
					if !r.Proof {
						t.Errorf("%s without a proof", r.Endpoint)
					}
				}
			}
			if s.idp.Hits("userinfo") == 0 {
				t.Error("userinfo was not asked")
			}
		})
	}
}

// The provider refuses what the default of client_auth sends, so that TestFAPI2 shows something: the word issuer alone makes the
// client acceptable.
func TestFAPI2Audience(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]int{"": http.StatusBadGateway, " issuer": http.StatusOK} {
		key := curveKey(t)
		c := keyConfig(t, key, key, "", filepath.Join(t.TempDir(), "client.pem"))
		register := c.idp
		c.provider += words
		c.idp = func(ic *rig.IDPConfig) {
			register(ic)
			ic.FAPI = true
		}
		s := newSite(t, c)
		if r := s.enter(rig.NewHTTP(t), "/", "alice", "No"); r.StatusCode != want {
			t.Errorf("%q: %d at %s\n%s", words, r.StatusCode, r.At, r.Text)
		}
	}
}

// RFC 9101 without PAR: the browser carries the signed request, and the provider takes it as a whole.
func TestSignedRequestsInBrowser(t *testing.T) {
	t.Parallel()
	for name, signed := range map[string]string{"offered": "offered", "required": "required"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := curveKey(t)
			c := keyConfig(t, key, key, "", filepath.Join(t.TempDir(), "client.pem"))
			register := c.idp
			if signed == "offered" {
				c.provider += "\nsigned_requests require"
			}
			c.provider += "\ndpop on"
			c.idp = func(ic *rig.IDPConfig) {
				register(ic)
				ic.Signed, ic.ProofNonce, ic.Clients[0].KeyBound = signed, true, true
			}
			s := newSite(t, c)
			s.entered(rig.NewHTTP(t), "/?a=1", "alice", "No")
			for _, r := range s.idp.State().Requests {
				if r.Endpoint == "authorize" && len(r.Query) > 0 && (len(r.Query) != 4 || r.Query["request"] == "" || r.Query["state"] != "") {
					t.Errorf("the browser carries %v", r.Query)
				}
			}
		})
	}
}

// RFC 9449, section 10: a real provider binds the code to the key that the browser's request states, and gives tokens for it to
// the same key.
func TestCodeIsBoundToKey(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{public: true, provider: "dpop on"})
	s.entered(rig.NewHTTP(t), "/", "alice", "No")
	seen := slices.ContainsFunc(s.idp.State().Requests, func(r rig.IDPRequest) bool { return r.Endpoint == "authorize" && len(r.Query["dpop_jkt"]) == 43 })
	if !seen {
		t.Error("no request with dpop_jkt")
	}
}

// A key is replaced while users sign in and sessions are renewed: no sign-in fails, and none of the steps needs a reload.
func TestClientKeyRotation(t *testing.T) {
	t.Parallel()
	first, next := curveKey(t), curveKey(t)
	file := filepath.Join(t.TempDir(), "client.pem")
	keyFile(t, file+".soon", next)
	c := keyConfig(t, first, first, recheck2s, file)
	c.provider += " {\nnext_key " + file + ".soon\n}"
	s := newSite(t, c)
	steady := rig.NewHTTP(t)
	s.entered(steady, "/", "alice", "Yes")
	stage := func(name string) {
		t.Helper()
		s.entered(rig.NewHTTP(t), "/", "adam", "No")
		before := s.renewals()
		rig.Within(t, 2*recheckEvery+recheckSlack, name+": a renewal", func() bool { return s.alive(steady) && s.renewals() > before })
	}
	client := s.client()
	client.Secret, client.AuthMethod = "", "private_key_jwt"
	register := func(keys ...crypto.Signer) {
		t.Helper()
		client.JWKS = keySet(t, keys...)
		s.idp.Register(client)
	}
	stage("the old key")
	register(first, next)
	stage("both are known")
	keyFile(t, file, next)
	stage("the new key signs")
	register(next)
	stage("the old key is forgotten")
	for _, r := range s.idp.State().Requests {
		if r.Endpoint == "token" && r.Status != http.StatusOK {
			t.Errorf("the token endpoint answered %d to %v", r.Status, r.Params["grant_type"])
		}
	}
	keyFile(t, file, first)
	if r := s.enter(rig.NewHTTP(t), "/", "adam", "No"); r.StatusCode != http.StatusBadGateway {
		t.Errorf("the old key still works: %d at %s", r.StatusCode, r.At)
	}
}
