package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
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
