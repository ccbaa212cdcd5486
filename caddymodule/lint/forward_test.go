package lint_test

import (
	"strings"
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy" // reverse_proxy

	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
)

// A site that forwards the access token to another machine without TLS is named, with the address.
func TestPlainUpstreams(t *testing.T) {
	const frame = `{
	latchkey {
		provider {
			issuer https://login.example.com
			client_id x
			client_secret {env.HOME}
		}
	}
}

https://api.example.com {
	latchkey {
		app api
		WORD
	}
	PROXY
}

https://other.example.com {
	latchkey
	reverse_proxy 192.0.2.99:80
}
`
	for proxy, want := range map[string]string{
		"reverse_proxy 192.0.2.1:8000":                                     "go to 192.0.2.1:8000 without TLS",
		"reverse_proxy http://app.internal.example:80 http://10.0.0.2:80":  "go to 10.0.0.2:80, app.internal.example:80 without TLS",
		"handle /a/* {\nreverse_proxy [2001:db8::1]:80\n}":                 "go to [2001:db8::1]:80 without TLS",
		"reverse_proxy https://192.0.2.1":                                  "",
		"reverse_proxy 192.0.2.1:443 {\ntransport http {\ntls\n}\n}":       "",
		"reverse_proxy localhost:8000 127.0.0.1:1 [::1]:2 app.localhost:3": "",
		"reverse_proxy unix//run/app.sock":                                 "",
		"reverse_proxy app:8000":                                           "",
		"reverse_proxy {env.APP}":                                          "",
	} {
		for word, asks := range map[string]bool{"forward_access_token": true, "": false} {
			var got []string
			for _, said := range apptest.ValidateWarns(t, strings.NewReplacer("WORD", word, "PROXY", proxy).Replace(frame)) {
				if strings.Contains(said, "forward_access_token") {
					got = append(got, said)
				}
			}
			if wanted := asks && want != ""; (len(got) == 1) != wanted || wanted && !strings.Contains(got[0], want) {
				t.Errorf("%q, %t: %q", proxy, asks, got)
			}
		}
	}
}
