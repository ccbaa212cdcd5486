package e2e

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/monitoring"
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
	everyFieldIsMapped(t, s.gw)
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

// everyFieldIsMapped holds each line that a gateway has written against the mappings in monitoring.
func everyFieldIsMapped(t *testing.T, gw *rig.Gateway) {
	t.Helper()
	for _, stream := range monitoring.LogStreams() {
		var mapped []string
		for _, f := range stream.Fields {
			mapped = append(mapped, f.Name)
		}
		var walk func(at string, value any)
		walk = func(at string, value any) {
			if slices.Contains(mapped, at) && !slices.ContainsFunc(mapped, func(m string) bool { return strings.HasPrefix(m, at+".") }) {
				return
			}
			switch v := value.(type) {
			case map[string]any:
				for name, inner := range v {
					walk(strings.TrimPrefix(at+"."+name, "."), inner)
				}
			case []any:
				for _, inner := range v {
					walk(at, inner)
				}
			default:
				t.Errorf("%s: a line has %s, which has no mapping", stream.Name, at)
			}
		}
		logger, lines := regexp.MustCompile("^"+stream.Loggers+"$"), 0
		for _, e := range gw.AllLogs() {
			if logger.MatchString(e.Text("logger")) {
				lines++
				walk("", map[string]any(e))
			}
		}
		if lines == 0 {
			t.Errorf("the gateway has written no line of %s", stream.Name)
		}
	}
}
