package command

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestHealthcheckOfTheAdminEndpoint: an answer is healthy; an error, a closed port and a server that never answers are not.
func TestHealthcheckOfTheAdminEndpoint(t *testing.T) {
	var asked string
	admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.URL.Path
		_, _ = w.Write([]byte("null\n"))
	}))
	defer admin.Close()
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }))
	defer broken.Close()
	for _, trial := range []struct{ name, address, want string }{
		{"loaded", listen(admin.URL), ""},
		{"an error", listen(broken.URL), "500"},
		{"no server listens", closedPort(t), "no answer"},
		{"never answers", silentPort(t), "no answer"},
	} {
		t.Run(trial.name, func(t *testing.T) {
			out, warn, err := command(t, setUpHealthcheck, "--address", trial.address, "--timeout", "200ms")
			if out+warn != "" {
				t.Errorf("it prints %q", out+warn)
			}
			expectHealth(t, err, trial.want)
		})
	}
	if asked != "GET "+loadedPath {
		t.Errorf("asked for %s", asked)
	}
}

// TestHealthcheckOfASite: a redirect to a sign-in is an answer, and is not followed. A status of 400 and more is none.
func TestHealthcheckOfASite(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://"+closedPort(t))
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ok":
		case "/away":
			http.Redirect(w, r, "/down", http.StatusFound)
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer site.Close()
	port := site.URL[strings.LastIndex(site.URL, ":"):]
	for url, want := range map[string]string{
		site.URL + "/ok":                  "",
		"http://localhost" + port + "/ok": "",
		site.URL + "/away":                "",
		site.URL + "/down":                "503",
		"http://" + closedPort(t):         "no answer",
		"http://" + silentPort(t):         "no answer",
		"https://127.0.0.1" + port:        "loopback",
		"http://192.0.2.1/":               "loopback",
		"http://localhost.example.com/":   "loopback",
		"http://[::1":                     "loopback",
	} {
		t.Run(url, func(t *testing.T) {
			_, _, err := command(t, setUpHealthcheck, "--url", url, "--timeout", "200ms")
			expectHealth(t, err, want)
		})
	}
}

func TestHealthcheckRefusesFlags(t *testing.T) {
	for _, args := range [][]string{
		{"--timeout", "0s"},
		{"--url", "http://localhost/", "--address", "localhost:2019"},
		{"--url", "http://localhost/", "--config", "Caddyfile"},
		{"now"},
	} {
		started := time.Now()
		if _, _, err := command(t, setUpHealthcheck, args...); err == nil || time.Since(started) > healthPatience {
			t.Errorf("%v: %v after %s", args, err, time.Since(started))
		}
	}
}

func expectHealth(t *testing.T, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

func listen(url string) string { return strings.TrimPrefix(url, "http://") }

// silentPort is an address that takes connections and answers nothing.
func silentPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// closedPort is an address at which nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // closing is all that is wanted
	return l.Addr().String()
}
