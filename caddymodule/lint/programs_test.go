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
	const bearer, own = "bearer {\naudience api\n}", "tokens on"
	both := func(text string) map[string]string { return map[string]string{bearer: text, own: text} }
	ownOnly := func(text string) map[string]string { return map[string]string{own: text} }
	for policy, problems := range map[string]map[string]string{
		"when client other\nblock": {bearer: "or leave out bearer", own: "or leave out tokens on", bearer + "\n" + own: "or leave out bearer and tokens"},
		"block":                    both("it refuses every program"),
		"include app api\nwhen client browser other\nblock": both("it refuses every program"),
		"require bound_session":                             both("no token is bound to a device"),
		"require_any bound_session":                         both("no token is bound to a device"),
		"require compliant_device":                          ownOnly("nothing is known of the device of a program"),
		"require_any compliant_device":                      ownOnly("nothing is known of the device of a program"),
		"sign_in_frequency every_time":                      ownOnly("a program can pass only within minutes of a sign-in"),
		"sign_in_frequency 12h":                             ownOnly("a program can pass only for 12h0m0s after each sign-in"),
		"require mfa\nsign_in_frequency 23h":                ownOnly("a program can pass only for 23h0m0s after each sign-in"),
		"sign_in_frequency 1d":                              {},
		"require mfa":                                       {},
		"require_any compliant_device mfa":                  {},
		"when client browser\nsign_in_frequency 1h":         {},
		"exclude app api\nwhen client other\nblock":         {},
		"when client browser\nblock":                        {},
		"when client browser\nrequire bound_session":        {},
		"require_any bound_session mfa":                     {},
		"include group g\nwhen client other\nblock":         {},
		"when client other\nwhen platform linux\nblock":     {},
		"mode off\nblock":                                   {},
		"when client other\nmatch {\npath /x\n}\nblock":     {},
	} {
		for _, site := range []string{bearer, own, bearer + "\n" + own, ""} {
			var got []string
			for _, said := range apptest.ValidateWarns(t, strings.NewReplacer("POLICY", policy, "BEARER", site).Replace(frame)) {
				if strings.Contains(said, "program") {
					got = append(got, said)
				}
			}
			want := problems[site]
			if site == bearer+"\n"+own && want == "" {
				want = problems[own]
			}
			if (len(got) == 1) != (want != "") || len(got) > 1 || want != "" && !strings.Contains(got[0], want) {
				t.Errorf("%q, %q: %q", policy, site, got)
			}
		}
	}
}
