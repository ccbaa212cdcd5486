package browser

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
		if got := ReturnPath(hostile); got != Home {
			t.Errorf("returnPath(%q) = %q, want %q", hostile, got, Home)
		}
	}
	for _, good := range []string{
		"/", "/wiki/Start", "/a?b=c&d=%2F%2Fe", "/a%20b", "/a/b/?q=http://x.example/", "/%D7%A9", "/a;v=1/b", "/.latchkeyx", "/a//b", "/.latchkey/me", "/.latchkey/me?a=b",
	} {
		if got := ReturnPath(good); got != good {
			t.Errorf("returnPath(%q) = %q, want it unchanged", good, got)
		}
	}
	if got := ReturnPath("/a#fragment"); got != "/a" {
		t.Errorf("a fragment survives: %q", got)
	}
}

// FuzzReturnPath: whatever comes in, a browser resolves what comes out to our own origin, and it is a fixed point.
func FuzzReturnPath(f *testing.F) {
	for _, seed := range []string{"/", "//e", `/\e`, "/%09/e", "https://e/", "/a?b#c", "/%2e%2e//e", "/a/..;/b", "/\u00a0//e", cutPage("//e"), cutPage(cutPage("/a"))} {
		f.Add(seed)
		f.Add(seed + "?" + strings.Repeat("a", MaxReturn))
	}
	base := &url.URL{Scheme: "https", Host: "wiki.example.com", Path: "/x/y"}
	f.Fuzz(func(t *testing.T, raw string) {
		got := ReturnPath(raw)
		if got == "" || got[0] != '/' || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t\x00 ") {
			t.Fatalf("returnPath(%q) = %q", raw, got)
		}
		ref, err := base.Parse(got)
		if err != nil || ref.Scheme != base.Scheme || ref.Host != base.Host || ref.User != nil {
			t.Fatalf("returnPath(%q) = %q resolves to %v, %v", raw, got, ref, err)
		}
		if len(got) > MaxReturn {
			t.Fatalf("returnPath(%q) is %d bytes", raw, len(got))
		}
		if IsCut(got) { // and so is the page that it leads on to
			to := ref.Query().Get("to")
			if got != cutPage(to) || IsCut(to) || ReturnPath(to) != to || len(raw) <= MaxReturn && !IsCut(raw) {
				t.Fatalf("returnPath(%q) = %q, which leads on to %q", raw, got, to)
			}
		}
		if again := ReturnPath(got); again != got {
			t.Fatalf("returnPath(%q) = %q, and again %q", raw, got, again)
		}
	})
}

// sized is a page of so many bytes: a path, and a query of what fills it.
func sized(path, fill string, size int) string {
	page := path + "?q="
	page += strings.Repeat(fill, (size-len(page))/len(fill))
	return page + strings.Repeat("x", size-len(page))
}

// cutPage is where a sign-in leads whose page was too long: the address of the page that says so, and leads on to a path.
func cutPage(path string) string { return TooLongPath + "?to=" + url.QueryEscape(path) }

// Field trial 1.11: a page of MaxReturn bytes comes back whole; of one more the path does, on a page that says so. What is
// no page to return to stays none, however long it is.
func TestReturnPathAtTheLimit(t *testing.T) {
	long := strings.Repeat("a", MaxReturn)
	for raw, want := range map[string]string{
		sized("/wiki/Start", "x", MaxReturn):     sized("/wiki/Start", "x", MaxReturn),
		sized("/wiki/Start", "x", MaxReturn+1):   cutPage("/wiki/Start"),
		"/" + long[1:]:                           "/" + long[1:],
		"/" + long:                               cutPage(Home),
		"/" + long[:2000] + "?" + long:           cutPage("/" + long[:2000]),
		strings.Repeat("/a", 1200) + "?" + long:  cutPage(Home), // three bytes of each slash
		"/a?" + strings.Repeat("\n", MaxReturn):  cutPage("/a"),
		"//evil.example/?" + long:                cutPage(Home),
		"/a/..;/b?" + long:                       cutPage(Home),
		"https://evil.example/?" + long:          cutPage(Home),
		Base + "/sign-out?" + long:               cutPage(Home),
		TooLongPath:                              Home,
		TooLongPath + "/?to=/a":                  Home,
		TooLongPath + "?" + long:                 cutPage(Home),
		TooLongPath + "?to=//evil.example":       cutPage(Home),
		TooLongPath + "?to=/a&to=/b":             cutPage(Home),
		TooLongPath + "?to=%zz":                  cutPage(Home),
		TooLongPath + "?x=1&to=/a%3Fb":           cutPage("/a?b"),
		cutPage(Base + "/sign-out"):              cutPage(Home),
		cutPage(cutPage("/a")):                   cutPage(Home),
		cutPage("/a"):                            cutPage("/a"),
		cutPage(sized("/a", "x", MaxReturn-100)): cutPage(sized("/a", "x", MaxReturn-100)),
		TooLongPath + "?to=/a?q=&&":              cutPage("/a?q="),
	} {
		got := ReturnPath(raw)
		if got != want || ReturnPath(got) != got || len(got) > MaxReturn {
			t.Errorf("returnPath(%.60q, %d bytes) = %.80q, want %.80q", raw, len(raw), got, want)
		}
	}
	const origin = "https://wiki.example.com"
	for raw, want := range map[string]string{
		origin + sized("/a", "x", MaxReturn):     sized("/a", "x", MaxReturn),
		origin + sized("/a", "x", MaxReturn+1):   cutPage("/a"),
		origin + "@evil.example/?" + long:        Home,
		"https://evil.example/?" + long:          Home,
		origin + "//evil.example/?" + long + "a": cutPage(Home),
	} {
		if got := TargetPath(origin, raw); got != want {
			t.Errorf("targetPath(%.60q) = %.80q, want %.80q", raw, got, want)
		}
	}
}
