package scrub

import (
	"errors"
	"net/url"
	"path"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// refused is the corpus of A09, A29, A58 and A59; a target that net/http itself does not parse is refused there.
var refused = []struct {
	target string
	want   error
}{
	{"/a/../b", DotSegment},
	{"/..", DotSegment},
	{"/../", DotSegment},
	{"/.", DotSegment},
	{"/./a", DotSegment},
	{"/a/.", DotSegment},
	{"/a/./b", DotSegment},
	{"/public/../admin", DotSegment},
	{"/public/%2e%2e/admin", DotSegment},
	{"/public/%2E%2e/admin", DotSegment},
	{"/public/.%2e/admin", DotSegment},
	{"/public/%2e./admin", DotSegment},
	{"/%2e/admin", DotSegment},
	{"/admin/%2e", DotSegment},
	{"/a/..;/b", DotSegment},
	{"/a/..;x=1/b", DotSegment},
	{"/a/.;/b", DotSegment},
	{"/a/..%3b/b", DotSegment},
	{"/a/%2e%2e;/b", DotSegment},
	{"/a/%2e%2e%3bx/b", DotSegment},
	{"/a;../b", DotSegment},
	{"/a;x=1;../b", DotSegment},
	{"/a;%2e%2e/b", DotSegment},
	{"/a/..;", DotSegment},
	{"/;/admin", EmptyName},
	{"/;x=1/admin", EmptyName},
	{"/a/;/b", EmptyName},
	{"/%3bx/admin", EmptyName},
	{`/a\b`, Backslash},
	{`/\evil.example`, Backslash},
	{`/..\admin`, Backslash},
	{"/a%5cb", Backslash},
	{"/a%5Cb", Backslash},
	{"/a%2fb", EncodedSlash},
	{"/a%2Fb", EncodedSlash},
	{"/%2f/evil.example", EncodedSlash},
	{"/a%2f..%2fb", EncodedSlash},
	{"/a%2fb^", EncodedSlash}, // net/url would send this one on as /a/b%5E
	{"//", DoubleSlash},
	{"//admin", DoubleSlash},
	{"///admin", DoubleSlash},
	{"//evil.example/admin", DoubleSlash},
	{"/%252e%252e/admin", DoubleEncoding},
	{"/a%252fb", DoubleEncoding},
	{"/a%252Fb", DoubleEncoding},
	{"/a%255cb", DoubleEncoding},
	{"/a%25252fb", DoubleEncoding},
	{"/a%2500", DoubleEncoding},
	{"/a%253bb", DoubleEncoding},
	{"/a%253fb", DoubleEncoding},
	{"/a%2523b", DoubleEncoding},
	{"/a%25c0%25ae", DoubleEncoding},
	{"/a%00", ControlCharacter},
	{"/a%00.png", ControlCharacter},
	{"/a%0d%0aSet-Cookie:x", ControlCharacter},
	{"/%09/evil.example", ControlCharacter},
	{"/a%7f", ControlCharacter},
	{"/a%c2%85b", ControlCharacter},
	{"/a%ff", BadEncoding},
	{"/a%c0%af", BadEncoding},
	{"/a%c0%ae%c0%ae/b", BadEncoding},
	{"/a%e0%80%af", BadEncoding},
	{"/a%ed%a0%80", BadEncoding},
	{"/a#b", BadFragment},
	{"/#/admin", BadFragment},
	{"/a?x#y", BadFragment},
	// Field trial 2.10: other names on Windows.
	{"/admin.", TrailingDot},
	{"/admin./users", TrailingDot},
	{"/admin%20/users", TrailingDot},
	{"/admin.%20.", TrailingDot},
	{"/admin%2e", TrailingDot},
	{"/admin.;x/users", TrailingDot},
	{"/admin%20;x", TrailingDot},
	{"/admin//users%20", TrailingDot},
	{"/.../x", TrailingDot},
	{"/admin::$INDEX_ALLOCATION/x", StreamName},
	{"/admin%3a%3a$index_allocation/x", StreamName},
	{"/secret.txt::$DATA", StreamName},
	{"/admin:$i30:$INDEX_ALLOCATION/x", StreamName},
	{"/admin:$I30:$INDEX_ALLOCATION/x", StreamName},
	{"*", BadTarget},
	{"http://example.com", BadTarget},
	{"http://user@example.com/a", BadTarget},
	{"mailto:a@b", BadTarget},
	{"http:a", BadTarget},
	{"/a?b= c", BadTarget},
}

var accepted = []string{
	"/", "/a", "/a/", "/a/b/c", "/index.html", "/a.b/c.d", "/.well-known/openid-configuration", "/.git", "/..a", "/a..b",
	"/compare/v1...v2", "/a/..hidden", "/with%20space", "/with+plus", "/~user/", "/@scope/pkg", "/a:b", "/a%3Ab",
	"/caf%C3%A9", "/caf\u00e9", "/%E6%97%A5%E6%9C%AC", "/cars;v=1", "/a/.hidden", "/v1.2/", "/v1.2;a.b/c", "/a%20b/c.d", "/price:$5", "/a::b", "/cars;color=red;year=1.5/models", "/page.jsp;jsessionid=0A.n1",
	"/c%23", "/what%3F", "/100%25", "/100%25%20off", "/100%25zz", "/file%2etxt", "/a,b", "/a'b", "/(x)", "/$a&b=c", "/a!b*",
	"/fetch/https://example.com/x", "/a//b", "/a|b", "/a^b", "/[x]", "/{x}", "/a?x=/../..;%2e%2e%00", "/a?", "/a%20%E2%82%AC",
	"http://example.com/a", "/a%2db", "/a%E2%80%AEb",
}

func TestPathRefuses(t *testing.T) { // A09, A29, A58, A59
	for _, tt := range refused {
		u, err := url.ParseRequestURI(tt.target)
		if err != nil {
			t.Errorf("%q: not even parsed, does not belong into this table: %v", tt.target, err)
			continue
		}
		if err := new(Rules).Path(u); !errors.Is(err, tt.want) {
			t.Errorf("%q: got %v, want %v", tt.target, err, tt.want)
		}
	}
}

func TestPathAccepts(t *testing.T) {
	for _, target := range accepted {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Errorf("%q: %v", target, err)
			continue
		}
		if err := new(Rules).Path(u); err != nil {
			t.Errorf("%q: refused: %v", target, err)
		}
		checkAccepted(t, u)
	}
}

// A rewrite may leave a URL that net/http would not have built.
func TestPathAfterRewrite(t *testing.T) {
	for _, u := range []*url.URL{
		{},
		{Path: "a"},
		{Path: "/a", Fragment: "x"},
		{Opaque: "/a"},
		{Path: "/a/b", RawPath: "/a%2Fb"},
		{Path: "/a\x00"},
		{Path: "/a\xff"},
	} {
		if new(Rules).Path(u) == nil {
			t.Errorf("%#v: accepted", u)
		}
	}
}

// checkAccepted holds an accepted target against every reading that servers are known to have.
func checkAccepted(t *testing.T, u *url.URL) {
	t.Helper()
	sent := u.EscapedPath() // what a proxy puts into the request line
	decoded, err := url.PathUnescape(sent)
	if err != nil || decoded != u.Path {
		t.Fatalf("rule path %q is not what the upstream decodes from %q: %q, %v", u.Path, sent, decoded, err)
	}
	if !strings.HasPrefix(decoded, "/") || strings.HasPrefix(decoded, "//") || !utf8.ValidString(decoded) {
		t.Fatalf("%q is no plain path", decoded)
	}
	if strings.ContainsFunc(decoded, unicode.IsControl) || strings.Contains(decoded, `\`) {
		t.Fatalf("%q has a control character or a backslash", decoded)
	}
	if segments := strings.Count(decoded, "/"); segments != strings.Count(sent, "/") {
		t.Fatalf("%q and %q do not have the same segments", decoded, sent)
	}
	sameClean(t, decoded, "as it is")
	if again, err := url.PathUnescape(decoded); err == nil {
		sameClean(t, again, "decoded twice")
		if strings.Count(again, "/") != strings.Count(decoded, "/") {
			t.Fatalf("%q gains segments when it is decoded twice", decoded)
		}
	}
	// A servlet container cuts the parameters of each segment, then normalizes.
	segments := strings.Split(decoded, "/")
	for i, s := range segments {
		name, _, _ := strings.Cut(s, ";")
		if name == "" && s != "" {
			t.Fatalf("%q loses a segment without its parameters", decoded)
		}
		segments[i] = name
	}
	sameClean(t, strings.Join(segments, "/"), "without parameters")
	// A URL library resolves it against the origin.
	ref, err := url.Parse(sent)
	if err != nil {
		t.Fatalf("%q: %v", sent, err)
	}
	base := &url.URL{Scheme: "https", Host: "app.example"}
	if got := base.ResolveReference(ref); got.Host != "app.example" || got.Path != u.Path {
		t.Fatalf("%q resolves to host %q, path %q", sent, got.Host, got.Path)
	}
}

// sameClean: cleaning the path changes nothing but repeated slashes, which Caddy's matchers merge, too.
func sameClean(t *testing.T, p, how string) {
	t.Helper()
	merged := p
	for strings.Contains(merged, "//") {
		merged = strings.ReplaceAll(merged, "//", "/")
	}
	clean := path.Clean(p)
	if strings.HasSuffix(merged, "/") && clean != "/" {
		clean += "/"
	}
	if clean != merged {
		t.Fatalf("%q (%s) is read as %q", p, how, clean)
	}
}

func FuzzPath(f *testing.F) {
	for _, tt := range refused {
		f.Add(tt.target)
	}
	for _, target := range accepted {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return // net/http answers 400 by itself
		}
		if new(Rules).Path(u) == nil {
			checkAccepted(t, u)
		}
	})
}
