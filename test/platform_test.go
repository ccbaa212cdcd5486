package e2e

import (
	"maps"
	"net/http"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// User agents of real browsers and programs.
const (
	uaWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
	uaMac     = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15"
	uaPhone   = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1"
	uaAndroid = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"
	uaLinux   = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
	uaChromOS = "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
	uaCurl    = "curl/8.9.1"
)

// P7: a platform is what the browser says it is, and whoever says nothing that is known is unknown, which is not "none
// of these": the catch-all that blocks every platform but some holds for them. It is found at every request, for it
// may be another at the next one.
func TestPlatform(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	all := []string{"windows", "macos", "ios", "android", "linux", "unknown"}
	devices := []struct{ name, agent, hint, platform string }{
		{"Windows", uaWindows, "", "windows"},
		{"macOS", uaMac, "", "macos"},
		{"iPhone", uaPhone, "", "ios"},
		{"Android", uaAndroid, "", "android"},
		{"Linux", uaLinux, "", "linux"},
		{"ChromeOS", uaChromOS, "", "unknown"},
		{"curl", uaCurl, "", "unknown"},
		{"nothing", "", "", "unknown"},
		{"a hint goes before the agent", uaLinux, `"Android"`, "android"},
		{"a hint that is unknown", uaWindows, `"Fuchsia"`, "unknown"},
	}
	for _, blocked := range all {
		if err := s.reload(func(c *config) { c.app = "policy p {\nwhen platform " + blocked + "\nblock\n}" }); err != nil {
			t.Fatal(err)
		}
		for _, d := range devices {
			want := 200
			if d.platform == blocked {
				want = 403
			}
			if r := s.as(c, d.agent, d.hint); r.StatusCode != want {
				t.Errorf("blocking %s: %s got %d, want %d", blocked, d.name, r.StatusCode, want)
			}
		}
	}
	// The catch-all that Microsoft recommends: whatever is not known to be one of ours.
	if err := s.reload(func(c *config) { c.app = "policy p {\nwhen platform android ios linux unknown\nblock\n}" }); err != nil {
		t.Fatal(err)
	}
	for _, d := range devices {
		want := 403
		if d.platform == "windows" || d.platform == "macos" {
			want = 200
		}
		if r := s.as(c, d.agent, d.hint); r.StatusCode != want {
			t.Errorf("the catch-all: %s got %d, want %d", d.name, r.StatusCode, want)
		}
	}
}

// as opens a page as another browser would.
func (s *site) as(c *rig.HTTP, agent, hint string) rig.Reply {
	s.t.Helper()
	h := rig.Navigation()
	h["User-Agent"] = []string{agent} // an empty one is not sent
	if hint != "" {
		h["Sec-Ch-Ua-Platform"] = []string{hint}
	}
	return c.Do(rig.Call{URL: s.url("/"), Header: h})
}

// A14: pages, and what runs in them, are a browser; what bears a token or is no browser's request is other. Signing in is
// always a browser's affair, so a policy for others never stops it.
func TestClientKind(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{app: "policy p {\nwhen client other\nblock\n}"})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	script := http.Header{"Accept": {"application/json"}, "Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}, "Sec-Fetch-Site": {"same-origin"}, "User-Agent": {uaMac}}
	bearer := maps.Clone(script)
	bearer["Authorization"] = []string{"Bearer x"}
	tests := []struct {
		name   string
		header http.Header
		other  bool
	}{
		{"a page", rig.Navigation(), false},
		{"a script in a page", script, false},
		{"a script in a page, with a token of the app's", bearer, false},
		{"curl", http.Header{"Accept": {"*/*"}, "User-Agent": {uaCurl}}, true},
		{"curl that says it is Safari", http.Header{"Accept": {"*/*"}, "User-Agent": {uaMac}}, true},
		{"an API client with a token", http.Header{"Accept": {"text/html"}, "Authorization": {"Bearer x"}, "User-Agent": {uaCurl}}, true},
		{"nothing", http.Header{"User-Agent": {""}}, true},
	}
	for _, blocked := range []string{"other", "browser"} {
		if err := s.reload(func(c *config) { c.app = "policy p {\nwhen client " + blocked + "\nblock\n}" }); err != nil {
			t.Fatal(err)
		}
		for _, tt := range tests {
			want := 200
			if tt.other == (blocked == "other") {
				want = 403
			}
			if r := c.Do(rig.Call{URL: s.url("/"), Header: tt.header}); r.StatusCode != want {
				t.Errorf("blocking %s: %s got %d, want %d", blocked, tt.name, r.StatusCode, want)
			}
		}
	}
}

// P7, with a browser that speaks for itself: its client hint, and the agent that its owner gave it, which proves nothing.
func TestPlatformOfARealBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{app: "policy p {\nwhen platform linux\nmatch {\npath /not-linux\n}\nblock\n}\npolicy q {\nwhen platform ios\nmatch {\npath /no-ios\n}\nblock\n}"})
	b := s.lastingBrowser()
	s.signIn(b.Page, "/", "alice", "No")
	if at := b.Goto(s.url("/not-linux")); at.Status != 403 {
		t.Errorf("Chromium on Linux got %d", at.Status)
	}
	if at := b.Goto(s.url("/no-ios")); at.Status != 200 {
		t.Errorf("Chromium on Linux got %d for iOS", at.Status)
	}
	if f := b.Fetch(s.url("/not-linux"), nil); f.Status != 403 {
		t.Errorf("its script got %d", f.Status)
	}
}
