package lint_test

import (
	"fmt"
	"strings"
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/filestorage"
	_ "github.com/caddyserver/caddy/v2/modules/logging"

	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
)

// Each warning of `validate` appears once, with file and line, for every kind of policy.
func TestValidateWarns(t *testing.T) {
	const frame = `{
	%s
	latchkey {
		provider {
			issuer %s
			client_id x
			client_secret {env.LATCHKEY_TEST_SECRET}
			%s
		}
		provider other {
			issuer https://other.example.com
			client_id x
			client_secret {env.LATCHKEY_TEST_SECRET}
		}
		%s
	}
}

a.example.com {
	latchkey {
		%s
	}
	respond ok
}

b.example.com {
	latchkey {
		provider other
	}
	respond ok
}
`
	t.Setenv("LATCHKEY_TEST_SECRET", "secret")
	const (
		plain = "https://login.example.com"
		entra = "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0"
	)
	const behindProxy = "servers {\ntrusted_proxies static 10.0.0.0/8\n}"
	for _, tt := range []struct {
		name                                   string
		options, issuer, provider, app, atSite string
		want                                   []string
	}{
		{"nothing", "", plain, "", "policy p {\ninclude group g\nrequire mfa\n}", "policy q {\nmax_idle 1h\n}", nil},
		{"prompt none", "", plain, "auth_param prompt none", "", "", []string{"provider default: auth_param prompt none: the provider may show no page"}},
		{"prompt login consent", "", plain, "auth_param prompt \"login consent\"", "", "", []string{
			"provider default: auth_param prompt login: ", "provider default: auth_param prompt consent: \"Stay signed in?\" is not asked",
		}},
		{"prompt consent, and the question is asked", "", plain, "auth_param prompt consent", "stay_signed_in {\nsuppress guest high_risk shared_device iwa\n}", "", nil},
		{"prompt consent, and the question is never asked", "", plain, "auth_param prompt consent", "stay_signed_in off", "", nil},
		{"prompt select_account", "", plain, "auth_param prompt select_account", "", "", nil},
		{"R11 a lock-out", "", plain, "", "policy p {\nblock\n}", "", []string{"p: it locks all users out at every site"}},
		{"R11 at a site", "", plain, "", "", "policy p {\nblock\n}", []string{"a.example.com p: it locks all users out at this site"}},
		{"of a site, behind one for all", "", plain, "", "policy q {\nrequire mfa\n}", "policy p {\ninclude group g\nrequire mfa\n}", []string{
			`a.example.com p: it adds nothing: policy "q"`,
		}},
		{"MFA without amr", "", entra, "", "policy p {\nrequire mfa\n}", "policy q {\ninclude group g\nrequire_any mfa acr:c1\n}", []string{
			`p: no user who signs in at provider "default" can satisfy it: the v2.0 tokens`,
			`a.example.com q: it adds nothing`,
		}},
		{"MFA by acr", "", entra, "mfa_acr possessionorinherence", "policy p {\nrequire mfa\n}", "", nil},
		{"MFA at a site of another provider", "", entra, "", "policy p {\ninclude provider other\nrequire mfa\n}", "", nil},
		{"guests of nobody", "", plain, "", "policy p {\ninclude guests\nblock\n}", "", []string{"p: it never applies: no provider says who is a guest"}},
		{"guests of the provider", "", plain, "guest_claim acct 1", "policy p {\ninclude guests\nblock\n}", "", nil},
		{"a claim that the site's provider lacks", "", plain, "", "", "policy p {\nwhen risk user high\nblock\n}", []string{
			"a.example.com p: it never applies: no provider states the risk (risk_claim user)",
		}},
		{"P12 devices", "", plain, "", "policy p {\nwhen device not managed\nrequire mfa\n}", "", []string{"p: when device not managed always holds"}},
		{"devices that are known", "", plain, "device_claim managed m", "policy p {\nwhen device not managed\nrequire mfa\n}", "", nil},
		{"the day is past", "", plain, "", "policy p {\nmode report_only until 2020-01-31\nrequire mfa\n}", "policy q {\nmode report_only until 2020-01-31\nmax_idle 1h\n}", []string{
			"p: it was to be report_only until 2020-01-31", "a.example.com q: it was to be report_only until",
		}},
		{"the day is to come", "", plain, "", "policy p {\nmode report_only until 2999-01-31\nrequire mfa\n}", "", nil},
		{"networks, for whoever connects", "", plain, "", "network n 192.0.2.0/24\npolicy p {\nexclude network n\nrequire mfa\n}", "", nil},
		{"networks behind a proxy", behindProxy, plain, "", "network n 192.0.2.0/24\npolicy p {\nexclude network n\nrequire mfa\n}", "policy q {\ninclude network n\nblock\n}", []string{
			"p: it depends on the address of the client", "a.example.com q: it depends on the address",
		}},
		{"networks behind a proxy, strictly", "servers {\ntrusted_proxies static 10.0.0.0/8\ntrusted_proxies_strict\n}", plain, "", "network n 192.0.2.0/24\npolicy p {\nexclude network n\nrequire mfa\n}", "", nil},
		{"addresses in a matcher behind a proxy", behindProxy, plain, "", "policy p {\nmatch {\nnot client_ip 192.0.2.0/24\n}\nrequire mfa\n}", "", []string{"p: it depends on the address"}},
		{"another matcher behind a proxy", behindProxy, plain, "", "policy p {\nmatch {\nnot path /client_ip\n}\nrequire mfa\n}", "", nil},
		{"shared devices by network behind a proxy", behindProxy, plain, "", "network n shared 192.0.2.0/24\npolicy p {\nwhen device shared\nmax_idle 10m\n}", "", []string{"p: it depends on the address"}},
		{"require bound_session without binding", "", plain, "", "policy p {\nrequire bound_session\n}", "policy q {\nwhen device bound\nblock\n}", []string{
			"p: no user can satisfy it, because no session is bound to a device", "a.example.com q: it never applies, because no session is bound",
		}},
		{"require bound_session, and No is not bound", "", plain, "", "session {\nbinding prefer\n}\npolicy p {\nrequire bound_session\n}", "", []string{
			"p: users who do not stay signed in cannot satisfy it",
		}},
		{"require bound_session of all", "", plain, "", "session {\nbinding prefer {\nkinds all\n}\n}\npolicy p {\nrequire bound_session\n}", "policy q {\nwhen device not bound\nmax_idle 1h\n}", nil},
		{"binding, and no user stays signed in", "", plain, "", "stay_signed_in off\nsession {\nbinding prefer\n}", "", []string{"session: binding has no effect: "}},
		{"binding of all, and no user stays signed in", "", plain, "", "stay_signed_in off\nsession {\nbinding prefer {\nkinds all\n}\n}", "", nil},
		{"binding, and a policy keeps users signed in", "", plain, "", "stay_signed_in off\nsession {\nbinding prefer\n}\npolicy p {\npersistent_browser always\n}", "", nil},
		{"unbound without binding", "", plain, "", "session {\npersistent {\nunbound {\nidle_limit 7d\nmax_lifetime 30d\n}\n}\n}", "", []string{"session: unbound: all persistent sessions have these limits"}},
		{"off", behindProxy, plain, "", "network n 192.0.2.0/24\npolicy p {\nmode off\ninclude network n\nblock\n}\npolicy q {\nmode off\nblock\n}", "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := fmt.Sprintf(frame, tt.options, tt.issuer, tt.provider, tt.app, tt.atSite)
			got := apptest.ValidateWarns(t, text)
			for i, g := range got {
				if i >= len(tt.want) || !strings.HasPrefix(g, tt.want[i]) {
					t.Errorf("got %q", g)
				}
			}
			if len(got) < len(tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
