package e2e

import "testing"

// User agents of real browsers and programs.
const (
	uaWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
	uaPhone   = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1"
	uaAndroid = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"
	uaLinux   = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
	uaCurl    = "curl/8.9.1"
)

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
