package e2e

import (
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// The filter that the operations guide shows keeps what a provider sends back out of the access log (A49).
func TestAccessLogFilter(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{before: `
		log {
			format filter {
				request>uri query {
					replace code REDACTED
					replace state REDACTED
				}
			}
		}`})
	c := rig.NewHTTP(t)
	s.entered(c, "/page?x=1", "alice", "Yes")
	callback, page := "", false
	for _, e := range s.gw.Logs("http.log.access.log0") {
		request, _ := e["request"].(map[string]any)
		uri, _ := request["uri"].(string)
		if strings.HasPrefix(uri, "/.latchkey/callback") {
			callback = uri
		}
		page = page || uri == "/page?x=1"
	}
	if !strings.Contains(callback, "code=REDACTED") || !strings.Contains(callback, "state=REDACTED") || !page {
		t.Errorf("the access log holds %q", callback)
	}
}
