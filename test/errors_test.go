package e2e

import (
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// A technical failure is the site's to answer where it has error routes, and ours where it has none; in neither case is
// a cookie cleared, and an error route that proxies sees a scrubbed request (A35).
func TestErrorRoutes(t *testing.T) {
	t.Parallel()
	line := rig.NewLine(t, rig.Redis(t))
	errors := rig.NewApp(t)
	s := newSite(t, config{redis: line.Addr, before: `
		handle_errors 503 {
			header Retry-After 5
			reverse_proxy ` + errors.Addr + `
		}`})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	s.gw.Restart() // nothing is cached any more
	app := s.app.Hits()
	line.Cut()
	r := c.Do(rig.Call{URL: s.url("/page"), Navigate: true, Header: map[string][]string{
		"Remote-User": {"admin"}, "Remote_Groups": {"admins"}, "Connection": {"Remote-User"},
	}})
	if errors.Hits() != 1 || r.Header.Get("Retry-After") != "5" {
		t.Fatalf("the site's own error route was not asked: %d\n%s", r.StatusCode, r.Text)
	}
	seen := errors.Last(t)
	for name := range seen.Header {
		if strings.HasPrefix(strings.ReplaceAll(strings.ToLower(name), "_", "-"), "remote-") {
			t.Errorf("A35: the error route sees %s", name)
		}
	}
	if strings.Contains(strings.Join(seen.Header["Cookie"], ";"), "latchkey") {
		t.Error("the error route sees our cookie")
	}
	if s.app.Hits() != app {
		t.Error("the app was reached without a session")
	}
	if c.Cookie(s.host(), s.cookie("")) == "" {
		t.Error("the cookie was cleared although the session lives")
	}
	line.Mend()
	rig.Until(t, rig.Patience, "the session is back", func() bool { return s.alive(c) })
}
