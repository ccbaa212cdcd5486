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
	for _, seed := range []string{"/", "//e", `/\e`, "/%09/e", "https://e/", "/a?b#c", "/%2e%2e//e", "/a/..;/b", "/\u00a0//e", CUTPAGE("//e"), CUTPAGE(CUTPAGE("/a"))} {
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
			if got != CUTPAGE(to) || isCut(to) || returnPath(to) != to || len(raw) <= maxReturn && !isCut(raw) {
				t.Fatalf("returnPath(%q) = %q, which leads on to %q", raw, got, to)
			}
		}
		if again := returnPath(got); again != got {
			t.Fatalf("returnPath(%q) = %q, and again %q", raw, got, again)
		}
	})
}

// SIZED is a page of so many bytes: a path, and a query of what fills it.
func SIZED(path, fill string, size int) string {
	page := path + "?q="
	page += strings.Repeat(fill, (size-len(page))/len(fill))
	return page + strings.Repeat("x", size-len(page))
}

// CUTPAGE is where a sign-in leads whose page was too long: the address of the page that says so, and leads on to a path.
func CUTPAGE(path string) string { return tooLongPath + "?to=" + url.QueryEscape(path) }

// Field trial 1.11: a page of maxReturn bytes comes back whole; of one more the path does, on a page that says so. What is
// no page to return to stays none, however long it is.
func TestReturnPathAtTheLimit(t *testing.T) {
	long := strings.Repeat("a", maxReturn)
	for raw, want := range map[string]string{
		SIZED("/wiki/Start", "x", maxReturn):     SIZED("/wiki/Start", "x", maxReturn),
		SIZED("/wiki/Start", "x", maxReturn+1):   CUTPAGE("/wiki/Start"),
		"/" + long[1:]:                           "/" + long[1:],
		"/" + long:                               CUTPAGE(Home),
		"/" + long[:2000] + "?" + long:           CUTPAGE("/" + long[:2000]),
		strings.Repeat("/a", 1200) + "?" + long:  CUTPAGE(Home), // three bytes of each slash
		"/a?" + strings.Repeat("\n", maxReturn):  CUTPAGE("/a"),
		"//evil.example/?" + long:                CUTPAGE(Home),
		"/a/..;/b?" + long:                       CUTPAGE(Home),
		"https://evil.example/?" + long:          CUTPAGE(Home),
		Base + "/sign-out?" + long:               CUTPAGE(Home),
		tooLongPath:                              Home,
		tooLongPath + "/?to=/a":                  Home,
		tooLongPath + "?" + long:                 CUTPAGE(Home),
		tooLongPath + "?to=//evil.example":       CUTPAGE(Home),
		tooLongPath + "?to=/a&to=/b":             CUTPAGE(Home),
		tooLongPath + "?to=%zz":                  CUTPAGE(Home),
		tooLongPath + "?x=1&to=/a%3Fb":           CUTPAGE("/a?b"),
		CUTPAGE(Base + "/sign-out"):              CUTPAGE(Home),
		CUTPAGE(CUTPAGE("/a")):                   CUTPAGE(Home),
		CUTPAGE("/a"):                            CUTPAGE("/a"),
		CUTPAGE(SIZED("/a", "x", maxReturn-100)): CUTPAGE(SIZED("/a", "x", maxReturn-100)),
		tooLongPath + "?to=/a?q=&&":              CUTPAGE("/a?q="),
	} {
		got := returnPath(raw)
		if got != want || returnPath(got) != got || len(got) > maxReturn {
			t.Errorf("returnPath(%.60q, %d bytes) = %.80q, want %.80q", raw, len(raw), got, want)
		}
	}
	const origin = "https://wiki.example.com"
	for raw, want := range map[string]string{
		origin + SIZED("/a", "x", maxReturn):     SIZED("/a", "x", maxReturn),
		origin + SIZED("/a", "x", maxReturn+1):   CUTPAGE("/a"),
		origin + "@evil.example/?" + long:        Home,
		"https://evil.example/?" + long:          Home,
		origin + "//evil.example/?" + long + "a": CUTPAGE(Home),
	} {
		if got := targetPath(origin, raw); got != want {
			t.Errorf("targetPath(%.60q) = %.80q, want %.80q", raw, got, want)
		}
	}
}
