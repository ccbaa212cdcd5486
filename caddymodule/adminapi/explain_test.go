package adminapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
)

func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body)) //nolint:gosec,noctx // a server of the test's
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	return resp.StatusCode, readAll(t, resp)
}

// The running server is asked with the same question, read strictly, and comes to the same answer.
func TestAdminExplain(t *testing.T) {
	server := apptest.AdminServer(t)
	url := server.URL + ExplainPath
	if status, body := post(t, url, `{"app": "wiki", "user": "alice"}`); status != http.StatusNotFound {
		t.Errorf("with nothing that runs: %d %s", status, body)
	}
	apptest.Run(t, apptest.ProvisionFile(t, "../command/testdata/explain/Caddyfile"))
	status, body := post(t, url, `{"app": "wiki", "user": "alice", "groups": ["admins"], "ip": "203.0.113.1", "platform": "ios", "auth_age": "2h"}`)
	var ex explain.Explanation
	if err := json.Unmarshal([]byte(body), &ex); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	if ex.Verdict != "step_up" || ex.Reason != "mfa_required" || len(ex.Policies) != 7 || ex.Policies[3].Result != "reportOnlyFailure" {
		t.Errorf("%+v", ex)
	}
	for name, tt := range map[string]struct {
		body    string
		status  int
		message string
	}{
		"unknown app":    {`{"app": "wkii", "user": "alice"}`, 400, `did you mean \"wiki\"?`},
		"nobody":         {`{"app": "wiki"}`, 400, "say who"},
		"unknown field":  {`{"app": "wiki", "usr": "alice"}`, 400, `unknown field \"usr\"`},
		"unknown word":   {`{"app": "wiki", "user": "alice", "platform": "symbian"}`, 400, "unknown platform"},
		"wrong type":     {`{"app": "wiki", "user": ["alice"]}`, 400, "cannot unmarshal"},
		"two":            {`{"app": "wiki", "user": "alice"} {}`, 400, "something follows"},
		"nothing":        {``, 400, "EOF"},
		"no object":      {`[]`, 400, "cannot unmarshal"},
		"too large":      {`{"app": "wiki", "user": "` + strings.Repeat("a", maxQuery) + `"}`, 413, "more than 1048576 bytes"},
		"deep":           {strings.Repeat("[", 100_000), 400, "the body is no such question"},
		"control":        {`{"app": "wiki", "user": "alice", "path": "/\u0000"}`, 400, "path: "},
		"hostile header": {`{"app": "wiki", "user": "alice", "header": {"X\r\nY": ["a\r\nb"]}}`, 200, `"verdict"`},
		"odd method":     {`{"app": "wiki", "user": "alice", "method": "G T", "host": "[::1"}`, 200, "bad_request"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, body := post(t, url, tt.body); status != tt.status || !strings.Contains(body, tt.message) {
				t.Errorf("%d %s", status, body)
			}
		})
	}
	for _, path := range []string{"/latchkey/explain/", "/latchkey/%65xplain"} {
		if status, body := post(t, server.URL+path, `{"app": "wiki", "user": "alice"}`); status == http.StatusOK {
			t.Errorf("%s: %s", path, body)
		}
	}
	if status, _, header := ask(t, http.MethodGet, url); status != http.StatusMethodNotAllowed || header.Get("Allow") != "POST" {
		t.Errorf("GET: %d %v", status, header)
	}
}
