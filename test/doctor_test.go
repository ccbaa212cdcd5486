package e2e

import (
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// The doctor finds nothing to say against a gateway that runs, beside it: the certified provider, a Redis, the key ring.
func TestDoctor(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	s.entered(rig.NewHTTP(t), "/", "alice", "No")
	out, err := s.gw.Command("doctor")
	if err != nil || strings.Contains(out, "fail ") || strings.Contains(out, "warn ") {
		t.Errorf("%v:\n%s", err, out)
	}
	for _, want := range []string{
		"its issuer is " + s.idp.Issuer, "usable keys, and signs with RS256", "redirect URI: " + s.url("/.latchkey/callback"), "store redis: it answers, version",
		"the key ring in Caddy's storage has 1, the newest 0 days old",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing says %q:\n%s", want, out)
		}
	}
	s.idp.Down()
	if out, err := s.gw.Command("doctor"); err == nil || !strings.Contains(out, "fail  provider default: its metadata at "+s.idp.Issuer) {
		t.Errorf("the provider is down: %v:\n%s", err, out)
	}
}
