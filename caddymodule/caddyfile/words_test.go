package caddyfile

import (
	"maps"
	"slices"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar/grammartest"
)

// Every word of the Caddyfile stands in Caddyfile.example, and in the README or a page of docs: an operator can copy it and
// read what it does (issue point "words" of the field trial).
func TestEveryWordIsDocumented(t *testing.T) {
	grammartest.Documented(t, "../..", map[string][]string{
		"latchkey": slices.Collect(maps.Keys(globalWords)), "session": slices.Collect(maps.Keys(sessionWords)),
		"persistent": slices.Collect(maps.Keys(persistentWords)), "binding": slices.Collect(maps.Keys(bindingWords)),
		"signals": slices.Collect(maps.Keys(signalsWords)), "poll": slices.Collect(maps.Keys(pollWords)),
		"client_auth": slices.Collect(maps.Keys(clientAuthWords)),
		"credentials": slices.Collect(maps.Keys(credentialsWords)),
		"limits":      slices.Collect(maps.Keys(limitWords)), "brand": slices.Collect(maps.Keys(brandWords)),
		"headers": slices.Collect(maps.Keys(headersOptions)), "idle_sign_out": slices.Collect(maps.Keys(idleSignOutWords)),
		"policy": slices.Collect(maps.Keys(policyWords)), "provider": slices.Collect(maps.Keys(providerWords)),
		"sign_in_log": slices.Collect(maps.Keys(signInLogWords)), "site": slices.Collect(maps.Keys(siteWords)),
		"stay_signed_in": slices.Collect(maps.Keys(staySignedInWords)),
		"assertion":      slices.Collect(maps.Keys(assertionWords)),
	})
}
