package e2e

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/websocket"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// A23: with a session, a WebSocket opens for pages of the site, for those that it names, and for what is no page; for a page
// of a sister host, which the session's cookie comes along with, it is refused before the app hears of it.
func TestWebSocketOfAnotherOrigin(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{site: "origins https://tools.example.com"})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "No")
	for _, origin := range []string{s.origin(), "https://tools.example.com"} {
		conf, err := websocket.NewConfig(strings.Replace(s.url("/ws"), "http", "ws", 1), origin)
		if err != nil {
			t.Fatal(err)
		}
		conf.Header.Set("Cookie", s.cookie("")+"="+c.Cookie(s.host(), s.cookie("")))
		ws, err := websocket.DialConfig(conf)
		if err != nil {
			t.Fatalf("%s: %v", origin, err)
		}
		_ = ws.Close()
	}
	for _, origin := range []string{"http://evil.localhost", "null"} {
		before := s.app.Hits()
		r := c.Do(rig.Call{URL: s.url("/ws"), Header: http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Origin": {origin},
		}})
		if p := refused(t, r, http.StatusForbidden); p.Reason != "cross_origin" || s.app.Hits() != before {
			t.Errorf("%s: %+v, and the app had %d more requests", origin, p, s.app.Hits()-before)
		}
	}
}
