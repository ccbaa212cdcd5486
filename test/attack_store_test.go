package e2e

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// A61: what an administrator ends is ended in every store, and the next request is refused.
func TestAdministratorEndsInEveryStore(t *testing.T) {
	t.Parallel()
	for name, embedded := range map[string]bool{"file": true, "redis": false} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, config{embedded: embedded})
			c, other := rig.NewHTTP(t), rig.NewHTTP(t)
			s.entered(c, "/", "alice", "Yes")
			s.entered(other, "/", "adam", "Yes")
			if !s.alive(c) {
				t.Fatal("not signed in")
			}
			of := "/latchkey/users/" + url.PathEscape(s.issuer()) + "/alice/sessions"
			if status, text := s.gw.AskAdmin(http.MethodDelete, of, ""); status != http.StatusOK {
				t.Fatalf("ending alice's sessions: %d %s", status, text)
			}
			if s.alive(c) {
				t.Error("the session goes on")
			}
			if !s.alive(other) {
				t.Error("another's session ended")
			}
		})
	}
}
