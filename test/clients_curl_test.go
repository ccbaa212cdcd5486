package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/apps"
)

// curl sends a token in every way that it knows, and sees the answer to an upload of 20 MB that is refused.
func TestCurl(t *testing.T) {
	t.Parallel()
	d := apps.NewWebDAV(t, davFiles)
	s := clientSite(t, d.Addr, config{})
	h := apps.NewHome(t)
	h.Write("large", strings.Repeat("x", 20<<20))
	curl := func(args ...string) apps.Result {
		return h.Run("curl", append([]string{"-sS", "-o", "answer", "-w", "%{http_code} %{content_type} %{url_effective}"}, args...)...)
	}
	ways := func(token string) map[string][]string {
		if token == "" {
			return map[string][]string{"nothing": nil}
		}
		return map[string][]string{
			"Basic": {"-u", "any:" + token}, "Bearer": {"--oauth2-bearer", token}, "any": {"--anyauth", "-u", "alice:" + token},
			"both": {"-u", "any:x", "--oauth2-bearer", token}, "header": {"-H", "Authorization: Bearer " + token},
		}
	}
	s.eachBarred(t, func(t *testing.T, b barred) {
		want := func(out string) string { return fmt.Sprintf("%d application/problem+json ", b.seen(out)) }
		for name, way := range ways(b.token) {
			if r := curl(append(way, "-L", s.url("/a.txt"))...); !r.OK() || r.Out != want(r.Out)+s.url("/a.txt") {
				t.Errorf("%s: %d %s, want %s", name, r.Code, r.Out, b)
			}
		}
		for name, more := range map[string][]string{"asks first": nil, "sends at once": {"-H", "Expect:"}} {
			args := append(more, "-T", "large", s.url("/large"))
			if b.token != "" {
				args = append(args, "-u", "any:"+b.token)
			}
			if r := curl(args...); !strings.Contains(r.Out, want(r.Out)) {
				t.Errorf("upload, %s: %d %s, want %s", name, r.Code, r.Out, b)
			}
		}
		if _, exists := d.Read("large"); exists {
			t.Error("an upload reached the server")
		}
	}, func(t *testing.T, token string) {
		for name, way := range ways(token) {
			if r := curl(append(way, s.url("/a.txt"))...); !r.OK() || !strings.HasPrefix(r.Out, "200 ") || h.Read("answer") != "one" {
				t.Errorf("%s: %d %s %q", name, r.Code, r.Out, h.Read("answer"))
			}
		}
		if r := curl("-u", "any:"+token, "-T", "large", s.url("/large")); !r.OK() || !strings.HasPrefix(r.Out, "20") {
			t.Errorf("upload: %d %s", r.Code, r.Out)
		}
		if got, _ := d.Read("large"); len(got) != 20<<20 {
			t.Errorf("%d bytes arrived", len(got))
		}
	})
}

// A token that a policy holds to its network is worth nothing at another address.
func TestTokenIsHeldToItsNetwork(t *testing.T) {
	t.Parallel()
	d := apps.NewWebDAV(t, nil)
	s := clientSite(t, d.Addr, config{app: "network runners 127.0.0.1/32\npolicy jobs {\ninclude group staff\nexclude network runners\nwhen client other\nblock\n}"})
	h, token := apps.NewHome(t), s.create("alice").Token
	h.Write("site.tar", "release")
	upload := func(from string) string {
		return h.Run("curl", "-sS", "-o", "answer", "-w", "%{http_code}", "--interface", from, "-u", "ci:"+token, "-T", "site.tar", s.url("/site.tar")).Out
	}
	for range 2 { // in both orders: nothing is remembered of an address
		if got := upload("127.0.0.2"); got != "403" {
			t.Errorf("from elsewhere: %s %s", got, h.Read("answer"))
		}
		if _, exists := d.Read("site.tar"); exists {
			t.Fatal("the upload reached the server")
		}
	}
	if got := upload("127.0.0.1"); got != "201" {
		t.Errorf("from its network: %s %s", got, h.Read("answer"))
	}
	if got := upload("127.0.0.2"); got != "403" {
		t.Errorf("from elsewhere, afterwards: %s", got)
	}
}
