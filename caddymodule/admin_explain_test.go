package caddymodule

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	caddy.RegisterModule(new(panicMatcher))
}

// panicMatcher wants more of a request than it gets.
type panicMatcher struct{}

func (*panicMatcher) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.panic_for_tests", New: func() caddy.Module { return new(panicMatcher) }}
}

func (*panicMatcher) MatchWithError(r *http.Request) (bool, error) {
	return r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server).Listen[0] == "", nil
}

func demoApp(t *testing.T) *candidate {
	t.Helper()
	config, _, _, err := caddycmd.LoadConfig("testdata/explain/Caddyfile", "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := testContext()
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCandidate(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

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
	server := adminServer(t)
	url := server.URL + explainPath
	if status, body := post(t, url, `{"app": "wiki", "user": "alice"}`); status != http.StatusNotFound {
		t.Errorf("with nothing that runs: %d %s", status, body)
	}
	runs(t, demoApp(t).App)
	status, body := post(t, url, `{"app": "wiki", "user": "alice", "groups": ["admins"], "ip": "203.0.113.1", "platform": "ios", "auth_age": "2h"}`)
	var ex Explanation
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

// The command asks the server that runs, and says in one line why it got no answer.
func TestExplainAsksServer(t *testing.T) {
	server := adminServer(t)
	address := "--address=" + strings.TrimPrefix(server.URL, "http://")
	if _, err := runExplain(t, address, "--app=wiki", "--user=alice"); err == nil || !strings.Contains(err.Error(), "latchkey is not configured here") {
		t.Errorf("with nothing that runs: %v", err)
	}
	runs(t, demoApp(t).App)
	args := []string{"--app=admin", "--user=alice", "--group=admins", "--mfa", "--ip=203.0.113.1", "--header=X-Danger: yes", at}
	want, err := runExplain(t, append(args, "--config=testdata/explain/Caddyfile")...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := runExplain(t, append(args, address)...)
	if err != nil || got != want {
		t.Errorf("%v: the server says\n%s\nthe file\n%s", err, got, want)
	}
	if _, err := runExplain(t, address, "--app=wkii", "--user=alice"); err == nil || !strings.Contains(err.Error(), `unknown app "wkii", did you mean "wiki"?`) {
		t.Errorf("unknown app: %v", err)
	}
	server.Close()
	if _, err := runExplain(t, append(args, address)...); err == nil || !strings.Contains(err.Error(), "no answer from the admin API at 127.0.0.1") {
		t.Errorf("no server: %v", err)
	}
}

// A matcher that fails over a request that nobody has made fails the question, and not the server.
func TestExplainMatcherPanics(t *testing.T) {
	app := &App{AppConfig: AppConfig{Providers: []*Provider{{Name: "entra", Issuer: "https://login.example.com", ClientID: "gateway"}}}}
	c := testApp(t, app, &Handler{SiteConfig: SiteConfig{App: "wiki", Policies: []*Policy{{
		Name: "odd", MatchRaw: caddyhttp.RawMatcherSets{{"panic_for_tests": json.RawMessage(`{}`)}}, Block: true,
	}}}})
	t.Cleanup(c.close)
	ex, err := c.explain(&Query{User: "alice"})
	if err == nil || !strings.Contains(err.Error(), "a matcher cannot be held against this request") {
		t.Errorf("%+v, %v", ex, err)
	}
}

// A configuration without sites, or without Latchkey, explains nothing.
func TestCandidate(t *testing.T) {
	ctx, err := testContext()
	if err != nil {
		t.Fatal(err)
	}
	const app = `"latchkey": {"providers": [{"issuer": "https://login.example.com", "client_id": "x"}]}`
	for name, tt := range map[string]struct{ config, message string }{
		"nothing":       {`{}`, errNoLatchkey.Error()},
		"no JSON":       {`latchkey`, "reading configuration"},
		"no object":     {`[]`, "reading configuration"},
		"unknown word":  {`{"apps": {"latchkey": {"provider": []}}}`, `unknown field "provider"`},
		"no provider":   {`{"apps": {"latchkey": {}}}`, "provider"},
		"wrong handler": {`{"apps": {` + app + `, "http": {"servers": {"a": {"routes": [{"handle": [{"handler": "latchkey", "ap": "wiki"}]}]}}}}}`, `unknown field "ap"`},
		"no app":        {`{"apps": {` + app + `, "http": {"servers": {"a": {"routes": [{"handle": [{"handler": "latchkey"}]}]}}}}}`, "app"},
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := newCandidate(ctx, []byte(tt.config)); err == nil || !strings.Contains(err.Error(), tt.message) {
				t.Errorf("%v, %v", c, err)
			}
		})
	}
	c, err := newCandidate(ctx, []byte(`{"apps": {`+app+`}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.explain(&Query{User: "alice"}); !errors.Is(err, errNoSites) {
		t.Errorf("without sites: %v", err)
	}
	c.close()
}
