package signin

import (
	"os"
	"strings"
	"testing"
)

// plans are the modules of the OpenID conformance suite that test a client, by plan. Those for hybrid and implicit flows, for dynamic
// registration and for the rules of one country are left out: their plans have no other modules.
var plans = map[string][]string{
	"fapi2-security-profile-final-client-test-plan": withPrefix("fapi2-security-profile-final-client-test-",
		"happy-path", "discovery-issuer-mismatch", "invalid-iss", "invalid-aud", "invalid-secondary-aud", "invalid-null-alg", "invalid-alternate-alg",
		"invalid-expired-exp", "invalid-missing-exp", "invalid-missing-aud", "invalid-missing-iss", "valid-aud-as-array", "invalid-nonce",
		"invalid-missing-nonce", "invalid-authorization-response-iss", "remove-authorization-response-iss",
		"ensure-authorization-response-with-invalid-state-fails", "ensure-authorization-response-with-invalid-missing-state-fails",
		"token-endpoint-response-without-expires_in", "token-type-case-insensitivity", "rs-dpop-auth-scheme-case-insensitivity",
		"happy-path-no-dpop-nonce", "invalid-openbanking-intent-id"),
	"fapi2-message-signing-final-client-test-plan": withPrefix("fapi2-security-profile-final-client-test-",
		"ensure-jarm-without-iss-fails", "ensure-jarm-with-invalid-iss-fails", "ensure-jarm-without-aud-fails", "ensure-jarm-with-invalid-aud-fails",
		"ensure-jarm-without-exp-fails", "ensure-jarm-with-expired-exp-fails", "ensure-jarm-with-invalid-sig-fails", "ensure-jarm-signature-is-not-none"),
	"fapi2 for Brazil": {"fapi2-security-profile-final-client-refresh-token-test"},
	"oidcc-client-test-plan": withPrefix("oidcc-client-test",
		"", "-nonce-invalid", "-client-secret-basic", "-scope-userinfo-claims", "-kid-absent-single-jwks", "-kid-absent-multiple-jwks", "-missing-iat",
		"-missing-aud", "-invalid-aud", "-idtoken-sig-none", "-idtoken-sig-rs256", "-missing-sub", "-invalid-sig-rs256", "-invalid-iss",
		"-userinfo-invalid-sub", "-userinfo-bearer-header", "-userinfo-bearer-body", "-nonce-unless-code-flow", "-missing-chash", "-invalid-chash",
		"-invalid-athash", "-missing-athash", "-form-post-error", "-invalid-sig-hs256", "-invalid-sig-es256", "-aggregated-claims",
		"-distributed-claims", "-mtls-endpoint-aliases", "-discovery-openid-config", "-discovery-jwks-uri-keys", "-discovery-issuer-mismatch",
		"-signing-key-rotation-just-before-signing", "-signing-key-rotation", "-discovery-webfinger-acct", "-discovery-webfinger-url",
		"-dynamic-registration", "-request-uri-signed-rs256", "-request-uri-signed-none", "-userinfo-signed"),
	"oidcc-client-refreshtoken-test-plan":              withPrefix("oidcc-client-test-refresh-token", "", "-invalid-issuer", "-invalid-sub"),
	"oidcc-client-test-3rd-party-init-login-test-plan": {"oidcc-client-test-3rd-party-init-login"},
	"oidcc-client-logout-test-plan": withPrefix("oidcc-client-test-",
		"session-management", "rp-init-logout", "rp-init-logout-other-state", "rp-init-logout-no-state", "rp-frontchannel-rpinitlogout",
		"rp-frontchannel-opinitlogout", "rp-backchannel-rpinitlogout", "rp-backchannel-rpinitlogout-alg-none",
		"rp-backchannel-rpinitlogout-no-event", "rp-backchannel-rpinitlogout-with-nonce", "rp-backchannel-rpinitlogout-wrong-alg",
		"rp-backchannel-rpinitlogout-wrong-aud", "rp-backchannel-rpinitlogout-wrong-event", "rp-backchannel-rpinitlogout-wrong-iss"),
}

func withPrefix(prefix string, names ...string) (all []string) {
	for _, name := range names {
		all = append(all, prefix+name)
	}
	return all
}

// TestConformance runs a test under the name of each module of the suite: against a provider that misbehaves as the module does, or
// the test that holds the same already. A module that does not apply has its reason in docs/fapi.md, and nothing else stands there.
func TestConformance(t *testing.T) {
	raw, err := os.ReadFile("../../docs/fapi.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(raw), "## The conformance suite")
	if !found {
		t.Fatal("docs/fapi.md has no section about it")
	}
	reasons := map[string]int{}
	for line := range strings.Lines(table) {
		names, reason, row := strings.Cut(strings.Trim(line, "| \n"), " | ")
		if !row || !strings.HasPrefix(names, "`") || reason == "" {
			continue
		}
		for name := range strings.SplitSeq(names, ", ") {
			reasons[strings.Trim(name, "`")]++
		}
	}
	tests := map[string]func(*testing.T){}
	for _, of := range []map[string]func(*testing.T){fapiModules(), rpModules(), logoutModules()} {
		for name, test := range of {
			if tests[name] != nil {
				t.Errorf("%s is tested twice", name)
			}
			tests[name] = test
		}
	}
	for plan, modules := range plans {
		for _, module := range modules {
			test := tests[module]
			if (test == nil) == (reasons[module] == 0) {
				t.Errorf("%s of %s: tested %t, and the document gives %d reasons why not", module, plan, test != nil, reasons[module])
			}
			delete(tests, module)
			delete(reasons, module)
			if test != nil {
				t.Run(module, test)
			}
		}
	}
	for module := range tests {
		t.Errorf("no plan has a module %s", module)
	}
	for module := range reasons {
		t.Errorf("no plan has a module %s, and the document speaks of it", module)
	}
}
