package rig

import (
	"strings"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

// A browser on a profile keeps a cookie with a lifetime over a restart and drops one without: what every test of Yes
// and No rests on.
func TestBrowserRestart(t *testing.T) {
	t.Parallel()
	app := NewApp(t)
	b := NewBrowser(t, BrowserOptions{Lasting: true})
	if at := b.Goto("http://" + app.Addr + "/hello"); at.Status != 200 || !strings.Contains(b.Text(), "The app") {
		t.Fatalf("got %+v: %s", at, b.Text())
	}
	var none any
	b.Evaluate(&none, `document.cookie = "kept=1; max-age=1000"; document.cookie = "lost=1"; null`)
	b.Restart()
	b.Goto("http://" + app.Addr + "/again")
	if c, ok := b.Cookie("kept"); !ok || c.Expires < 0 {
		t.Errorf("kept: %v %+v", ok, c)
	}
	if _, ok := b.Cookie("lost"); ok {
		t.Error("a session cookie survived the restart")
	}
	if got := b.WebSocket("ws://"+app.Addr+"/ws", "over"); got != "message: over" {
		t.Errorf("websocket: %s", got)
	}
	if f := b.Fetch("/x", nil); f.Status != 200 || !strings.Contains(f.Body, `"uri":"/x"`) {
		t.Errorf("fetch: %+v", f)
	}
	if len(b.Axe()) == 0 {
		t.Error("axe found nothing wrong with a page that has no landmark")
	}
}
