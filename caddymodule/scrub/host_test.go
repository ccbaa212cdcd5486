package scrub

import (
	"strings"
	"testing"
)

func TestHost(t *testing.T) { // A57
	for in, want := range map[string]string{
		"example.com":             "example.com",
		"EXAMPLE.com":             "example.com",
		"example.com.":            "example.com",
		"example.com:443":         "example.com",
		"Example.COM.:8443":       "example.com",
		"example.com:":            "example.com",
		"xn--caf-dma.example":     "xn--caf-dma.example",
		"XN--CAF-DMA.example":     "xn--caf-dma.example",
		"my_app.internal":         "my_app.internal",
		"localhost":               "localhost",
		"127.0.0.1:8080":          "127.0.0.1",
		"[::1]":                   "::1",
		"[::1]:8080":              "::1",
		"[0:0:0:0:0:0:0:1]:80":    "::1",
		"[2001:DB8::A]":           "2001:db8::a",
		strings.Repeat("a", 63):   strings.Repeat("a", 63),
		"a.b-c.d1:65535":          "a.b-c.d1",
		"[::ffff:192.0.2.1]:1234": "::ffff:192.0.2.1",
	} {
		got, ok := Host(in)
		if !ok || got != want {
			t.Errorf("%q: got %q, %v; want %q", in, got, ok, want)
		}
	}
	for _, in := range []string{
		"", ".", "..", "example.com..", ".example.com", "a..b", ":443", "user@example.com", "user:pw@example.com", "exa mple.com",
		" example.com", "example.com ", "example.com\t", "example.com\x00", "example\r\n.com", "café.example", "example.com\u3002",
		"example.com/", "example.com/a", `example.com\a`, "example.com?x", "example.com#x", "example.com,evil.example", "*.example.com",
		"example.com:80:80", "example.com:http", "example.com:-1", "example.com:65536", "example.com:000080", "example.com:99999999999",
		"::1", "[::1", "::1]", "[]", "[127.0.0.1]", "[fe80::1%eth0]", "[fe80::1%25eth0]", "[::1]x", "[::1]:x", "[::1]:80:80",
		"%65xample.com", strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 200) + "example",
	} {
		if got, ok := Host(in); ok {
			t.Errorf("%q: accepted as %q", in, got)
		}
	}
}

func TestHostDoesNotAllocate(t *testing.T) {
	if got := testing.AllocsPerRun(100, func() { Host("wiki.example.com:8443") }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func FuzzHost(f *testing.F) {
	f.Add("Example.COM.:443")
	f.Add("[2001:DB8::A]:80")
	f.Fuzz(func(t *testing.T, in string) {
		got, ok := Host(in)
		if !ok {
			return
		}
		if strings.ContainsAny(got, " \t\r\n@/\\?#%,[]") || got == "" || got != strings.ToLower(got) {
			t.Fatalf("%q: canonical form %q", in, got)
		}
		again := got
		if strings.Contains(got, ":") {
			again = "[" + got + "]"
		}
		for _, spelling := range []string{again, strings.ToUpper(again), again + ":8443"} {
			if other, ok := Host(spelling); !ok || other != got {
				t.Fatalf("%q is %q, but %q is %q, %v", in, got, spelling, other, ok)
			}
		}
	})
}
