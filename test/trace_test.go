package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// tracesCollector receives spans (OTLP over HTTP).
type tracesCollector struct {
	url string

	mu    sync.Mutex
	spans []*trace.Span
	sent  strings.Builder // all that arrived, as text
}

func newTracesCollector(t *testing.T) *tracesCollector {
	t.Helper()
	c := new(tracesCollector)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
		var request collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &request)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL.Path, err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, resource := range request.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				c.spans = append(c.spans, scope.GetSpans()...)
			}
		}
		c.sent.Write(body)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() {
		for _, s := range c.spans {
			if t.Failed() {
				t.Log(s.GetName(), s.GetAttributes())
			}
		}
	})
	c.url = server.URL
	return c
}

// env makes a gateway send its spans here.
func (c *tracesCollector) env() []string {
	return []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.url, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_SCHEDULE_DELAY=100", "OTEL_SERVICE_NAME=latchkey",
	}
}

// below returns a span of a request to path, and whether a span with a name and these attributes is right below it.
func (c *tracesCollector) below(path, name string, attributes map[string]string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.spans, func(request *trace.Span) bool {
		return request.GetKind() == trace.Span_SPAN_KIND_SERVER && spanSays(request, map[string]string{"url.path": path}) &&
			slices.ContainsFunc(c.spans, func(s *trace.Span) bool {
				return s.GetName() == name && string(s.GetParentSpanId()) == string(request.GetSpanId()) &&
					string(s.GetTraceId()) == string(request.GetTraceId()) && s.GetStartTimeUnixNano() >= request.GetStartTimeUnixNano() &&
					s.GetEndTimeUnixNano() >= s.GetStartTimeUnixNano() && spanSays(s, attributes)
			})
	})
}

// spanSays tells whether a span has these attributes; a list has a value if it is in it.
func spanSays(s *trace.Span, attributes map[string]string) bool {
	for key, want := range attributes {
		if !slices.ContainsFunc(s.GetAttributes(), func(a *common.KeyValue) bool {
			is := a.GetKey() == key && (a.GetValue().GetStringValue() == want || strconv.FormatInt(a.GetValue().GetIntValue(), 10) == want)
			for _, one := range a.GetValue().GetArrayValue().GetValues() {
				is = is || a.GetKey() == key && one.GetStringValue() == want
			}
			return is
		}) {
			return false
		}
	}
	return true
}

// A request that Caddy traces has the decision, the requests to the store and those to the provider below it, and a
// collector learns nothing of a user, a session or a sign-in.
func TestTraces(t *testing.T) {
	t.Parallel()
	collected := newTracesCollector(t)
	s := newSite(t, config{
		env: collected.env(), before: "tracing",
		app: "policy stay {\ninclude group staff\npersistent_browser always\n}\npolicy watched {\nmode report_only\nblock\n}",
	})
	c := rig.NewHTTP(t)
	callback := s.toCallback(c, "/page", "alice")
	c.Follow(c.Get(callback.String()), nil)
	if r := c.Do(rig.Call{URL: s.url("/again"), Header: http.Header{"X-Canary": {"canary-header"}}}); r.StatusCode != http.StatusOK {
		t.Fatalf("status %d", r.StatusCode)
	}
	if r := rig.NewHTTP(t).Do(rig.Call{URL: s.url("/a%2fb")}); r.StatusCode != http.StatusBadRequest {
		t.Fatalf("status %d", r.StatusCode)
	}
	for _, want := range []struct {
		path, name string
		attributes map[string]string
	}{
		{"/page", "latchkey.decision", map[string]string{"latchkey.decision": "sign_in", "latchkey.reason": "sign_in_required"}},
		{"/.latchkey/callback", "latchkey.provider.token", map[string]string{"latchkey.provider": "default", "latchkey.endpoint": "token", "server.address": "localhost", "http.response.status_code": "200"}},
		{"/.latchkey/callback", "latchkey.store.create", map[string]string{"latchkey.store.result": "ok"}},
		{"/again", "latchkey.decision", map[string]string{
			"latchkey.decision": "allow", "latchkey.reason": "allowed", "latchkey.policies": "stay: success", "latchkey.app": "127.0.0.1",
		}},
		{"/again", "latchkey.decision", map[string]string{"latchkey.policies": "watched: reportOnlyFailure"}},
		{"/a/b", "latchkey.decision", map[string]string{"latchkey.decision": "bad_request", "latchkey.reason": "encoded_slash"}},
	} {
		rig.Until(t, rig.Patience, want.name+" below "+want.path, func() bool { return collected.below(want.path, want.name, want.attributes) })
	}
	handle := c.Cookie(s.host(), s.cookie(""))
	collected.mu.Lock()
	defer collected.mu.Unlock()
	if leaks := rig.Leaked(collected.sent.String(), map[string]string{
		"client secret": clientSecret, "cookie": handle, "header": "canary-header", "address": "alice@example.com",
		"name": "Alice Ash", "code": callback.Query().Get("code"), "state": callback.Query().Get("state"),
	}); len(leaks) > 0 {
		t.Errorf("the collector learns: %v", leaks)
	}
}
