package e2e

import (
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// The access log shows that a callback came, and not what it carried: no code, no state (A49).
func TestAccessLogHidesTheCallback(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{before: "log"})
	c := rig.NewHTTP(t)
	s.entered(c, "/page?x=1", "alice", "Yes")
	uris := map[string]bool{}
	for _, e := range s.gw.Logs("http.log.access.log0") {
		if request, ok := e["request"].(map[string]any); ok {
			uri, _ := request["uri"].(string)
			uris[uri] = true
			if strings.Contains(uri, "code=") || strings.Contains(uri, "state=") {
				t.Errorf("the access log holds %s", uri)
			}
		}
	}
	if !uris["/.latchkey/callback"] || !uris["/page?x=1"] {
		t.Errorf("the access log holds %v", uris)
	}
}
