package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// A55: the configuration that Caddy's admin API shows holds no resolved secret and no key.
func TestA55ConfigurationOutput(t *testing.T) {
	s := newSite(t, config{env: []string{"LATCHKEY_TEST_SECRET=" + clientSecret}})
	text := strings.Replace(s.caddyfile(), "client_secret "+clientSecret, "client_secret {env.LATCHKEY_TEST_SECRET}", 1)
	if err := s.gw.Reload(text); err != nil {
		t.Fatal(err)
	}
	s.entered(rig.NewHTTP(t), "/", "alice", "Yes")
	body := s.adminText("/config/")
	if !strings.Contains(body, "LATCHKEY_TEST_SECRET") {
		t.Fatalf("configuration: %s", body)
	}
	if strings.Contains(body, clientSecret) {
		t.Error("A55: the configuration shows the client secret")
	}
}

// A56: a secret that is missing, or a file that cannot be read, refuses the configuration; the running one stays.
func TestA56MissingSecrets(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	for name, change := range map[string]func(string) string{
		"empty environment": func(f string) string { return strings.Replace(f, clientSecret, "{env.LATCHKEY_NOT_SET}", 1) },
		"no such file":      func(f string) string { return strings.Replace(f, clientSecret, "{file./nonexistent/secret}", 1) },
		"no such CA": func(f string) string {
			return strings.Replace(f, "guest_claim acct 1", "guest_claim acct 1\nca_file /nonexistent/ca.pem", 1)
		},
		"no issuer":  func(f string) string { return strings.Replace(f, "issuer "+s.idp.Issuer, "", 1) },
		"bad issuer": func(f string) string { return strings.Replace(f, s.idp.Issuer, "http://login.example.com", 1) },
		"bad CIDR": func(f string) string {
			return strings.Replace(f, "latchkey {\n\t\tprovider", "latchkey {\nnetwork n 10.0.0.0/33\nprovider", 1)
		},
		"bad duration": func(f string) string {
			return strings.Replace(f, "latchkey {\n\t\tprovider", "latchkey {\nstay_signed_in {\nabandon_after soon\n}\nprovider", 1)
		},
		"misspelt word": func(f string) string { return strings.Replace(f, "client_id gw", "clientid gw", 1) },
		"B3 route-bound": func(f string) string {
			return strings.Replace(f, "latchkey {\n\t\tprovider", "latchkey {\npolicy p {\nmatch {\npath /x\n}\npersistent_browser never\n}\nprovider", 1)
		},
	} {
		bad := change(s.caddyfile())
		if bad == s.caddyfile() {
			t.Fatalf("%s changes nothing", name)
		}
		if err := s.gw.Reload(bad); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	s.entered(rig.NewHTTP(t), "/", "alice", "Yes")
}

// `validate` opens nothing: it passes beside a running gateway, with store and provider out of reach.
func TestValidateOpensNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{embedded: true})
	s.idp.Down()
	if out, err := s.gw.Command("validate"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// The smallest Caddyfile of the design, with a Redis: it protects an app with nothing else said.
func TestSmallestCaddyfile(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	text := fmt.Sprintf(`{
	latchkey {
		provider {
			issuer %s
			client_id {env.OIDC_CLIENT_ID}
			client_secret {env.OIDC_CLIENT_SECRET}
		}
		store redis redis://%s/0
	}
}

%s {
	latchkey
	reverse_proxy %s
}
`, s.idp.Issuer, s.redis, s.origin(), s.app.Addr)
	s.gw.Stop()
	gw := rig.NewGateway(t, rig.GatewayConfig{Caddyfile: text, Env: []string{"OIDC_CLIENT_ID=gw", "OIDC_CLIENT_SECRET=" + clientSecret}})
	s.gw = gw
	s.entered(rig.NewHTTP(t), "/small", "alice", "Yes")
}
