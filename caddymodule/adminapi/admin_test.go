package adminapi

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
)

func ask(t *testing.T, method, url string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	var body strings.Builder
	if _, err := fmt.Fprint(&body, readAll(t, resp)); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body.String(), resp.Header
}

// A55: no other spelling of a path reaches a route, and no other method.
func TestAdminPathsAreExact(t *testing.T) {
	server := apptest.AdminServer(t)
	l := apptest.NewStoredLog(t, time.Now)
	apptest.Run(t, l.App)
	if status, body, header := ask(t, "GET", server.URL+"/latchkey/sign-ins"); status != http.StatusOK ||
		header.Get("Content-Type") != "application/json" || header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s %v", status, body, header)
	}
	for _, path := range []string{
		"/latchkey/", "/latchkey/sign-ins/", "/latchkey/sign-ins/x", "/latchkey/sign-insx", "/latchkey/Sign-Ins", "/latchkey/sign%2Dins",
		"/latchkey/%73ign-ins", "/latchkey/x%2F..%2Fsign-ins", "/latchkey/sign-ins%00", "/latchkey/sign-ins;a=b", "/latchkey/sign-ins%20",
		"/latchkey/sign-ins%2F", "/latchkey/..%2Flatchkey/sign-ins", "/latchkey//sign-ins", "/latchkey/./sign-ins", "/latchkey/x/../sign-ins", "//latchkey/sign-ins",
	} {
		if status, body, _ := ask(t, "GET", server.URL+path); status == http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "GETT", "get"} {
		status, _, header := ask(t, method, server.URL+"/latchkey/sign-ins")
		if status != http.StatusMethodNotAllowed || header.Get("Allow") != "GET" {
			t.Errorf("%s: %d, Allow %q", method, status, header.Get("Allow"))
		}
	}
}

// A segment that stands for something may hold any character, escaped, and nothing less than a segment.
func TestAdminSegments(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc(personPath, func(w http.ResponseWriter, r *http.Request) {
		if exact(r) {
			_, _ = fmt.Fprint(w, r.PathValue("issuer"), " ", r.PathValue("subject"))
		}
	})
	for path, want := range map[string]string{
		"/latchkey/users/a/b/sessions":                              "a b",
		"/latchkey/users/https%3A%2F%2Fidp%2Ft/x%25%2F/sessions":    "https://idp/t x%/",
		"/latchkey/users/%2e%2e/b/sessions":                         ".. b",
		"/latchkey/users//b/sessions":                               "",
		"/latchkey/users/a/b/c/sessions":                            "",
		"/latchkey/users/a/b/sessions/":                             "",
		"/latchkey/users/a/b/session%73":                            "",
		"/latchkey/users/a%2Fb/sessions":                            "",
		"/latchkey/users/https://idp/b/sessions":                    "",
		"/latchkey/users/a/b/sessions%3Fx":                          "",
		"/latchkey/users/a/b%2Fsessions":                            "",
		"/LATCHKEY/users/a/b/sessions":                              "",
		"/latchkey/users/\u00e4/%C3%A4/sessions":                    "\u00e4 \u00e4",
		"/latchkey/users/{}/{}/sessions":                            "{} {}",
		"/latchkey/users/" + strings.Repeat("x", 9) + "/y/sessions": "xxxxxxxxx y",
	} {
		for _, method := range []string{"DELETE", "CONNECT"} { // the second one's path is not cleaned
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")))
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			if got := w.Body.String(); (want != "" || w.Code == http.StatusOK) && got != want {
				t.Errorf("%s %s: %d %q, want %q", method, path, w.Code, got, want)
			}
		}
	}
}

func TestAdminWithoutLatchkey(t *testing.T) {
	server := apptest.AdminServer(t)
	for pattern, resource := range adminResources {
		path := strings.NewReplacer("{id}", "x", "{issuer}", "x", "{subject}", "x").Replace(pattern)
		for method := range resource {
			if status, body, _ := ask(t, method, server.URL+path); status != http.StatusNotFound || !strings.Contains(body, "not configured") {
				t.Errorf("%s %s: %d %s", method, path, status, body)
			}
		}
	}
}
