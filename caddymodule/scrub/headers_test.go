package scrub

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func mustNames(t testing.TB, configured ...string) *Names {
	t.Helper()
	n, err := NewNames(configured...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestHeadersRemovesEverySpelling(t *testing.T) { // A06, A51, A52
	n := mustNames(t, "X-Department", "_Cost.Centre")
	gone := []string{
		"Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups", "remote-user", "REMOTE-USER", "Remote_User", "Remote.User",
		"remote_groups", "X-Forwarded-User", "X_forwarded_user", "X-Forwarded_groups", "X-forwarded.Email", "x.forwarded.name",
		"X-Forwarded-Preferred-Username", "X-Forwarded-Access-Token", "X-Remote-User", "X-Remote-Group", "x_remote_extra_scopes",
		"X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Groups", "X-Auth-Request-Preferred-Username",
		"X-Auth-Request-Access-Token", "X_Auth.Request-User", "X-Latchkey-Assertion", "x_latchkey_anything", "X-Webauth-User",
		"X-WEBAUTH-USER", "X-WebAuth-Role", "X-Department", "x_department", "X.DEPARTMENT", "_Cost.Centre", "-cost-centre",
		// Field trial 2.8: what replaces method, path or host at the application, and what other gateways say.
		"X-HTTP-Method-Override", "X_HTTP_Method.Override", "X-Http-Method", "X-Method-Override", "X-Original-Url", "X-Original-Uri",
		"X-Rewrite-Url", "x_rewrite_url", "X-Script-Name", "X-Forwarded-Uri", "X-Forwarded-Method", "X-Original-Host", "X-Host",
		"X-Authentik-Username", "X-authentik-groups", "Cf-Access-Authenticated-User-Email", "Cf-Access-Jwt-Assertion",
		"X-Pomerium-Jwt-Assertion", "X-Pomerium-Claim-Email", "X-Goog-Authenticated-User-Email", "X-Goog-Iap-Jwt-Assertion",
		"X-Ms-Client-Principal", "X-Ms-Client-Principal-Name", "X-Ms-Token-Aad-Id-Token", "X-Amzn-Oidc-Data", "X-Amzn-Oidc-Identity",
		"Tailscale-User-Login", "Tailscale-User-Name", "X-Vouch-User", "X-Vouch-Idp-Claims-Groups", "X-Token-User-Email",
		"X-Token-User-Roles", "X-Token-Subject", "Oidc_claim_email", "OIDC_CLAIM_sub", "Oidc_access_token", "X-Auth-Username",
		"X-Consumer-Username", "X-Userinfo", "Teleport-Jwt-Assertion",
		// What only a proxy may say of where a request comes from.
		"X-Real-Ip", "x_real.ip", "Cf-Connecting-Ip", "X-Forwarded-Prefix", "X-Forwarded-Port", "X-Original-Forwarded-For",
		"X-Latchkey-" + strings.Repeat("a", 500), "Remote~User",
	}
	stay := []string{
		"Accept", "Authorization", "Cookie", "Remote-Addr", "Remote", "RemoteUser", "X-Forwarded-For", "X-Forwarded-Proto",
		"X-Forwarded-Host", "X-Forwarded-Users", "X-Request-Id", "X-Departments", "X-Latchke", "X-Requested-With",
		"X-Auth-Token", "X-Token", "X-Ms-Version", "X-Amzn-Trace-Id", "X-Goog-Api-Key", "Cf-Ray", "X-Method",
		"X-Url", "X-Xsrf-Token", "Depth", "Destination", "If",
		strings.Repeat("X", 500), "User", "Referer", "Range", "",
	}
	h := http.Header{}
	for _, name := range append(gone, stay...) {
		h[name] = []string{"admin"}
	}
	Headers(h, n)
	for _, name := range gone {
		if _, ok := h[name]; ok {
			t.Errorf("%s survived", name)
		}
	}
	for _, name := range stay {
		if _, ok := h[name]; !ok {
			t.Errorf("%q was removed", name)
		}
	}
}

// Whatever is done to the case and the separators of a name: it is the same variable to a CGI application.
func TestHeadersFoldProperty(t *testing.T) { // A06
	n := mustNames(t, "X-Department")
	known := append(slices.Concat(overrides, []string{"x-department", "x-remote-user", "x-latchkey-assertion", "x-webauth-user", "cf-access-jwt-assertion", "tailscale-user-login"}), exactNames...)
	rapid.Check(t, func(t *rapid.T) {
		name := []byte(rapid.SampledFrom(known).Draw(t, "name"))
		for i, c := range name {
			if c == '-' {
				name[i] = rapid.SampledFrom([]byte("-_.")).Draw(t, "separator")
			} else if rapid.Bool().Draw(t, "upper") {
				name[i] = strings.ToUpper(string(c))[0]
			}
		}
		if !n.Has(string(name)) {
			t.Fatalf("%s survives", name)
		}
	})
}

func TestNewNamesRefuses(t *testing.T) {
	for _, name := range []string{
		"", "X Department", "X:Y", "X-Département", "X\r\nY", "---", "Cookie", "HOST", "Content_Length", "Sec-Fetch-Mode",
		"X-Forwarded-For", "Forwarded", "X-Real-IP", "Connection", "X-HTTP-Method-Override", "x_original_url", strings.Repeat("x", maxName+1),
	} {
		if _, err := NewNames(name); err == nil {
			t.Errorf("%q accepted", name)
		}
	}
}

// ordinary is what a browser sends through a proxy, without any header of ours.
func ordinary() http.Header {
	return http.Header{
		"Accept":                    {"text/html,application/xhtml+xml"},
		"Accept-Encoding":           {"gzip, deflate, br, zstd"},
		"Accept-Language":           {"en-GB,en;q=0.9"},
		"Cache-Control":             {"max-age=0"},
		"Connection":                {"keep-alive"},
		"Cookie":                    {"__Host-latchkey=" + strings.Repeat("A", 100)},
		"Referer":                   {"https://wiki.example.com/"},
		"Sec-Ch-Ua":                 {`"Chromium";v="140"`},
		"Sec-Fetch-Dest":            {"document"},
		"Sec-Fetch-Mode":            {"navigate"},
		"Sec-Fetch-Site":            {"same-origin"},
		"Upgrade-Insecure-Requests": {"1"},
		"User-Agent":                {"Mozilla/5.0 (X11; Linux x86_64)"},
		"X-Forwarded-For":           {"192.0.2.1"},
		"X-Requested-With":          {"XMLHttpRequest"},
	}
}

func TestHeadersDoesNotAllocate(t *testing.T) {
	n := mustNames(t, "X-Department")
	h := ordinary()
	if got := testing.AllocsPerRun(100, func() { Headers(h, n); Connection(h) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
	for _, name := range []string{"X-Forwarded-User", "X_Remote_User", "X-Department"} {
		if got := testing.AllocsPerRun(100, func() { n.Has(name) }); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

func BenchmarkHeaders(b *testing.B) {
	n := mustNames(b, "X-Department")
	h := ordinary()
	b.ReportAllocs()
	for b.Loop() {
		Headers(h, n)
	}
}

func FuzzHeaders(f *testing.F) {
	n := mustNames(f, "X-Department")
	f.Add("X_forwarded.User")
	f.Add("x-latchkey-")
	f.Fuzz(func(t *testing.T, name string) {
		h := http.Header{name: {"x"}}
		Headers(h, n)
		folded := strings.Map(func(r rune) rune {
			if r == '_' || r == '.' {
				return '-'
			}
			return r
		}, strings.ToLower(name))
		for _, known := range []string{"remote-user", "x-forwarded-groups", "x-department", "x-latchkey-assertion"} {
			if _, ok := h[name]; ok && folded == known {
				t.Fatalf("%q survived", name)
			}
		}
	})
}
