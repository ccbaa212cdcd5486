package signin

import (
	"net/url"
	"strings"
	"testing"
)

// TestReturnPath holds A02, A33 and A68, and A03 and A26 in that there is no list of other hosts to get wrong: nothing
// that a browser could read as another origin, and no loop into our own endpoints, survives the one validator.
func TestReturnPath(t *testing.T) {
	for _, hostile := range []string{
		"", "//e", `/\e`, "/%09/e", "/\t/e", "/ /e", "/.//e", "/..//e", `\e`, "///e", "http:e", "https:///e", "/%5ce", "/%5C/e",
		"/a\r\nSet-Cookie: x", "/a\x00", "https://good.example@evil.example/", "//evilexample.com", "https://example.com.evil/", "https://wiki.example.com/", "//good@evil", "http://[::1]/", "//xn--e1afmkfd/",
		"//evil.example./", "javascript:alert(1)", "data:text/html,x", "/%2e%2e//e", "/%2e/%2fe", "/a/../../e", "/a/..;/b",
		"/./e", "/a/%2E%2E/b", "/%00", "/\u2028e", "e", "?x", "#x", "/.latchkey/sign-out", "/.latchkey", "/%2elatchkey/sign-out", "/.latchkey/me/", "/.latchkey/meeting", "/.latchkey/me/../sign-out",
		"/%2Flocal//e", "https:/e",
	} {
		if got := returnPath(hostile); got != Home {
			t.Errorf("returnPath(%q) = %q, want %q", hostile, got, Home)
		}
	}
	for _, good := range []string{
		"/", "/wiki/Start", "/a?b=c&d=%2F%2Fe", "/a%20b", "/a/b/?q=http://x.example/", "/%D7%A9", "/a;v=1/b", "/.latchkeyx", "/a//b", "/.latchkey/me", "/.latchkey/me?a=b",
	} {
		if got := returnPath(good); got != good {
			t.Errorf("returnPath(%q) = %q, want it unchanged", good, got)
		}
	}
	if got := returnPath("/a#fragment"); got != "/a" {
		t.Errorf("a fragment survives: %q", got)
	}
}

// FuzzReturnPath: whatever comes in, a browser resolves what comes out to our own origin, and it is a fixed point.
func FuzzReturnPath(f *testing.F) {
	for _, seed := range []string{"/", "//e", `/\e`, "/%09/e", "https://e/", "/a?b#c", "/%2e%2e//e", "/a/..;/b", "/\u00a0//e", cutPage("//e"), cutPage(cutPage("/a"))} {
		f.Add(seed)
		f.Add(seed + "?" + strings.Repeat("a", maxReturn))
	}
	base := &url.URL{Scheme: "https", Host: "wiki.example.com", Path: "/x/y"}
	f.Fuzz(func(t *testing.T, raw string) {
		got := returnPath(raw)
		if got == "" || got[0] != '/' || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t\x00 ") {
			t.Fatalf("returnPath(%q) = %q", raw, got)
		}
		ref, err := base.Parse(got)
		if err != nil || ref.Scheme != base.Scheme || ref.Host != base.Host || ref.User != nil {
			t.Fatalf("returnPath(%q) = %q resolves to %v, %v", raw, got, ref, err)
		}
		if len(got) > maxReturn {
			t.Fatalf("returnPath(%q) is %d bytes", raw, len(got))
		}
		if isCut(got) { // and so is the page that it leads on to
			to := ref.Query().Get("to")
			if got != cutPage(to) || isCut(to) || returnPath(to) != to || len(raw) <= maxReturn && !isCut(raw) {
				t.Fatalf("returnPath(%q) = %q, which leads on to %q", raw, got, to)
			}
		}
		if again := returnPath(got); again != got {
			t.Fatalf("returnPath(%q) = %q, and again %q", raw, got, again)
		}
	})
}
