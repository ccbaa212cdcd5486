package site

import (
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/session/signin/bound"
)

// What is taken out of requests for the app is what the gateway gives to browsers.
func TestBindingNames(t *testing.T) {
	if scrub.BoundChallenge != bound.ChallengePrefix || scrub.BoundIdentifier != bound.IdentifierPrefix {
		t.Errorf("%q and %q, %q and %q", scrub.BoundChallenge, bound.ChallengePrefix, scrub.BoundIdentifier, bound.IdentifierPrefix)
	}
}
