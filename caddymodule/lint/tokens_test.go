package lint_test

import (
	"strings"
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth" // basic_auth

	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
)

// What keeps all tokens out of a site is named, with the line of the site. What does not is not.
func TestTokens(t *testing.T) {
	const frame = `{
	SERVERS
	latchkey {
		provider {
			issuer https://login.example.com
			client_id x
			client_secret {env.HOME}
		}
		session {
			recheck RECHECK
		}
	}
}

SITE {
	latchkey {
		app api
		WORDS
	}
	MORE
	respond ok
}
`
	const (
		own     = "tokens on"
		bearer  = "bearer {\naudience api\n}"
		hash    = "$2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG"
		plain   = "every token is refused at api.example.com, which is served on plain http"
		stale   = "is refused (token_stale)"
		never   = "from a day after the user's last sign-in on (token_stale)"
		asked   = "basic_auth wants a password of its own"
		proxies = "servers {\ntrusted_proxies static 192.0.2.1\ntrusted_proxies_strict\n}"
	)
	for name, c := range map[string]struct{ site, words, recheck, more, servers, want string }{
		"nothing":                      {words: own},
		"plain http":                   {site: "http://api.example.com", words: own, want: "tokens on: " + plain},
		"plain http, access tokens":    {site: "http://api.example.com", words: bearer, want: "bearer: " + plain},
		"plain http on another port":   {site: "http://api.example.com:8080", words: own, want: plain},
		"plain http for every name":    {site: "http://", words: own, want: "refused at any name"},
		"plain http beside https":      {site: "http://api.example.com, https://api.example.com", words: own, want: plain},
		"plain http on this machine":   {site: "http://localhost:8080, http://127.0.0.1:8080", words: own},
		"plain http behind a proxy":    {site: "http://api.example.com", words: own, servers: proxies},
		"plain http without tokens":    {site: "http://api.example.com"},
		"never asked again":            {words: own, recheck: "0", want: never},
		"asked once in two days":       {words: own, recheck: "48h", want: stale},
		"asked once a day":             {words: own, recheck: "24h", want: stale},
		"asked more often":             {words: own, recheck: "23h"},
		"never asked, access tokens":   {words: bearer, recheck: "0"},
		"a password as well":           {words: own, more: "basic_auth {\nbob " + hash + "\n}", want: asked},
		"a password in a block":        {words: own, more: "route {\nbasic_auth {\nbob " + hash + "\n}\n}", want: asked},
		"a password for some paths":    {words: own, more: "basic_auth /admin/* {\nbob " + hash + "\n}"},
		"a password and access tokens": {words: bearer, more: "basic_auth {\nbob " + hash + "\n}"},
	} {
		if c.site == "" {
			c.site = "https://api.example.com"
		}
		if c.recheck == "" {
			c.recheck = "1h"
		}
		text := strings.NewReplacer("SERVERS", c.servers, "RECHECK", c.recheck, "SITE", c.site, "WORDS", c.words, "MORE", c.more).Replace(frame)
		got := apptest.ValidateWarns(t, text)
		if (len(got) == 1) != (c.want != "") || len(got) > 1 || c.want != "" && !strings.Contains(got[0], c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
