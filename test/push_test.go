package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// RFC 9126: a provider that takes no request that was not pushed works without a word in the configuration, for a client
// with a secret and for one with a key. No page of it gets more from the browser than the reference.
func TestPushedRequests(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]config{
		"secret": {}, "key": keyConfig(t, key, key, "", filepath.Join(t.TempDir(), "client.pem")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			register := c.idp
			c.idp = func(ic *rig.IDPConfig) {
				ic.RequirePush = true
				if register != nil {
					register(ic)
				}
			}
			s := newSite(t, c)
			s.entered(rig.NewHTTP(t), "/", "alice", "No")
			if pushed := s.idp.Hits("push"); pushed != 1 {
				t.Errorf("%d requests were pushed", pushed)
			}
			for _, r := range s.idp.State().Requests {
				if r.Endpoint == "authorize" && len(r.Query) > 0 && (len(r.Query) != 2 || r.Query["request_uri"] == "") {
					t.Errorf("the browser carries %v", r.Query)
				}
			}
		})
	}
}

// RFC 9449: with tokens that are bound to a key a session is made and renewed, with a provider that demands its nonce too; for
// a client without any secret the refresh token is bound as well.
func TestBoundTokens(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]config{
		"a key":  keyConfig(t, key, key, recheck2s, filepath.Join(t.TempDir(), "client.pem")),
		"public": {app: recheck2s, public: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			register := c.idp
			c.provider += "\ndpop on"
			c.idp = func(ic *rig.IDPConfig) {
				ic.ProofNonce, ic.IDTokenClaims = true, new(bool) // so that userinfo is asked with the token
				if register != nil {
					register(ic)
				}
			}
			s := newSite(t, c)
			b := rig.NewHTTP(t)
			s.entered(b, "/", "alice", "No")
			renewed := func() (n int) {
				for _, r := range s.idp.State().Requests {
					if r.Endpoint == "token" && r.Params["grant_type"] == "refresh_token" && r.Status == http.StatusOK {
						n++
					}
				}
				return n
			}
			rig.Within(t, 3*recheckEvery+2*recheckSlack, "two renewals", func() bool { return s.alive(b) && renewed() > 1 })
		})
	}
}
