package adminapi

import (
	"bufio"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
)

var update = flag.Bool("update", false, "write the answers to odd paths into testdata")

// A55: what each spelling of a path gets with each method, refusals word for word.
func TestAdminOddPaths(t *testing.T) {
	apptest.NewAdministered(t, app.Parts{})
	server := apptest.AdminServer(t)
	var got strings.Builder
	for _, path := range []string{
		"/latchkey", "/latchkey/", "/latchkey/x", "/", "/Latchkey/status",
		"/latchkey/status", "/latchkey/status/", "/latchkey/status//", "/latchkey/statusx", "/latchkey/Status", "/latchkey/stat%75s",
		"/latchkey/stat%2575s", "/latchkey%2Fstatus", "/%6Catchkey/status", "/latchkey/status%00", "/latchkey/status%20", "/latchkey/status%2F",
		"/latchkey/status;a=b", "/latchkey/status?", "/latchkey/status?x=y", "/latchkey/status#x", "/latchkey//status", "//latchkey/status",
		"//latchkey//status", "/latchkey/./status", "/latchkey/x/../status", "/latchkey/x/%2e%2e/status", "/latchkey/..%2Flatchkey/status",
		"/latchkey/x%2F..%2Fstatus", "/x/../latchkey/status", "/latchkey/status/.", "/latchkey/status/..", `/latchkey\status`,
		"http://admin.example.com/latchkey/status", "http://other.example.com/latchkey/stat%75s",
		"/latchkey/sessions", "/latchkey/sessions/", "/latchkey/sessions//", "/latchkey/sessions/x", "/latchkey/sessions/x/", "/latchkey/sessions/x/y",
		"/latchkey/sessions/%78", "/latchkey/sessions/x%2Fy", "/latchkey/sessions/%2F", "/latchkey/sessions/%2e%2e", "/latchkey/sessions/..",
		"/latchkey/sessions/.", "/latchkey/sessions/%20", "/latchkey/sessions/%00", "/latchkey/sessions/%", "/latchkey/sessions/%zz",
		"/latchkey/sessions/%C3%A4", "/latchkey/sessions/\u00e4", "/latchkey/sessions/{id}", "/latchkey/sessions/{}", "/latchkey/%73essions/x",
		"/latchkey/sessions/x?", "/latchkey/sessions/x;y", "/latchkey/sessions/%3F",
		"/latchkey/users/a/b/sessions", "/latchkey/users/a/b/sessions/", "/latchkey/users//b/sessions", "/latchkey/users/a//sessions",
		"/latchkey/users///sessions", "/latchkey/users/../b/sessions", "/latchkey/users/%2e%2e/b/sessions", "/latchkey/users/a%2Fb/sessions",
		"/latchkey/users/a%2Fb/c/sessions", "/latchkey/users/a/b%2Fsessions", "/latchkey/users/a/b/session%73", "/latchkey/us%65rs/a/b/sessions",
		"/latchkey/users/https://idp.example.com/b/sessions", "/latchkey/users/a/b/c/sessions",
		"/latchkey/keys", "/latchkey/keys/", "/latchkey/keys/sessions", "/latchkey/keys/rotate", "/latchkey/keys/retire/", "/latchkey/keys/x",
	} {
		for _, method := range []string{"GET", "HEAD", "DELETE", "CONNECT"} {
			answer := oddAnswer(server.Config.Handler, method, path)
			fmt.Fprintf(&got, "%s %s: %s\n", method, path, answer)
		}
	}
	const golden = "testdata/paths.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	was, is := strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")
	for i := range max(len(was), len(is)) {
		if i >= len(was) || i >= len(is) {
			t.Fatalf("%d lines, want %d", len(is), len(was))
		}
		if is[i] != was[i] {
			t.Errorf("got  %s\nwant %s", is[i], was[i])
		}
	}
}

func oddAnswer(handler http.Handler, method, path string) string {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " " + path + " HTTP/1.1\r\nHost: admin.example.com\r\n\r\n")))
	if err != nil {
		return "no request"
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	answer := fmt.Sprint(w.Code)
	if allow := w.Header().Get("Allow"); allow != "" {
		answer += " Allow " + allow
	}
	switch {
	case w.Code == http.StatusOK:
		return answer
	case w.Header().Get("Location") != "":
		return "goes to " + w.Header().Get("Location")
	}
	return answer + " " + strings.TrimSpace(w.Body.String())
}
