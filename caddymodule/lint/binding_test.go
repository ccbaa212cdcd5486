package lint_test

import (
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddytls"

	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/lint"
	"github.com/latchkey-gateway/latchkey/policy"
)

// Browsers bind sessions on https only: a site on plain http is named, with its line, if sessions are to be bound.
func TestPlainSitesBindNothing(t *testing.T) {
	const frame = `{
	latchkey {
		provider {
			issuer https://login.example.com
			client_id x
			client_secret y
		}
		session {
			binding MODE
		}
	}
}

http://plain.example.com {
	latchkey
	respond ok
}

https://secure.example.com {
	latchkey
	respond ok
}
`
	got := apptest.ValidateWarns(t, strings.Replace(frame, "MODE", "prefer", 1))
	if len(got) != 1 || !strings.HasPrefix(got[0], "plain.example.com: no session is bound to a device here") {
		t.Errorf("got %q", got)
	}
	if got := apptest.ValidateWarns(t, strings.Replace(frame, "MODE", "off", 1)); len(got) != 0 {
		t.Errorf("binding off: %q", got)
	}
}

func TestPlainSite(t *testing.T) {
	on := &config.Binding{Mode: "prefer"}
	for name, tt := range map[string]struct {
		binding *config.Binding
		server  *caddyhttp.Server
		plain   bool
	}{
		"http":                   {on, &caddyhttp.Server{Listen: []string{":80"}}, true},
		"https":                  {on, &caddyhttp.Server{Listen: []string{":443"}}, false},
		"another port":           {on, &caddyhttp.Server{Listen: []string{":8080"}}, false},
		"both":                   {on, &caddyhttp.Server{Listen: []string{":80", ":443"}}, false},
		"a range":                {on, &caddyhttp.Server{Listen: []string{":80-443"}}, false},
		"a socket":               {on, &caddyhttp.Server{Listen: []string{"unix//run/caddy.sock"}}, false},
		"automatic https is off": {on, &caddyhttp.Server{Listen: []string{":8080"}, AutoHTTPS: &caddyhttp.AutoHTTPSConfig{Disabled: true}}, true},
		"TLS by hand":            {on, &caddyhttp.Server{Listen: []string{":80"}, TLSConnPolicies: caddytls.ConnectionPolicies{{}}}, false},
		"a proxy in front":       {on, &caddyhttp.Server{Listen: []string{":80"}, TrustedProxiesRaw: []byte(`{"source":"static"}`)}, false},
		"no server":              {on, nil, false},
		"binding is off":         {&config.Binding{Mode: "off"}, &caddyhttp.Server{Listen: []string{":80"}}, false},
		"no binding":             {nil, &caddyhttp.Server{Listen: []string{":80"}}, false},
	} {
		if got := lint.PlainSite(tt.binding, tt.server); (got != "") != tt.plain {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestBinds(t *testing.T) {
	for want, b := range map[policy.Binding][]*config.Binding{
		policy.BindsNone:       {nil, {}, {Mode: "off", Kinds: "all"}},
		policy.BindsPersistent: {{Mode: "prefer"}, {Mode: "require", Kinds: "persistent"}},
		policy.BindsAll:        {{Mode: "prefer", Kinds: "all"}},
	} {
		for _, one := range b {
			if got := lint.Binds(one); got != want {
				t.Errorf("%+v: %v, want %v", one, got, want)
			}
		}
	}
}
