package lint_test

import (
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
)

// A policy that no program can satisfy is named where a site accepts access tokens, and one that some can satisfy is not.
func TestPrograms(t *testing.T) {
	const frame = `{
	latchkey {
		provider {
			issuer https://login.example.com
			client_id x
			client_secret {env.HOME}
		}
		session {
			binding prefer {
				kinds all
			}
		}
		policy p {
			POLICY
		}
	}
}

https://api.example.com {
	latchkey {
		app api
		BEARER
	}
	respond ok
}
`
	const bearer = "bearer {\naudience api\n}"
	for policy, problem := range map[string]string{
		"when client other\nblock": "it refuses every program", "block": "it refuses every program", "include app api\nwhen client browser other\nblock": "it refuses every program",
		"require bound_session": "no access token is bound to a device", "require_any bound_session": "no access token is bound to a device",
		"exclude app api\nwhen client other\nblock": "", "when client browser\nblock": "", "when client browser\nrequire bound_session": "", "require_any bound_session mfa": "",
		"include group g\nwhen client other\nblock": "", "when client other\nwhen platform linux\nblock": "", "mode off\nblock": "", "when client other\nmatch {\npath /x\n}\nblock": "",
	} {
		for site, wanted := range map[string]bool{bearer: true, "": false} {
			var got []string
			for _, said := range apptest.ValidateWarns(t, strings.NewReplacer("POLICY", policy, "BEARER", site).Replace(frame)) {
				if strings.Contains(said, "program") {
					got = append(got, said)
				}
			}
			if want := wanted && problem != ""; (len(got) == 1) != want || want && !strings.Contains(got[0], problem) {
				t.Errorf("%q, %t: %q", policy, wanted, got)
			}
		}
	}
}
