package scrub

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func parse(t testing.TB, raw string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(raw, "\n", "\r\n"))))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRequest(t *testing.T) { // A35, A50, A51
	r := parse(t, `GET /wiki/Main_Page?x=1 HTTP/1.1
Host: wiki.example.com
Connection: keep-alive, Remote-User, X-Department
Remote-User: admin
X_department: board
X-Forwarded-For: 192.0.2.1
Cookie: a=1; __Host-latchkey=secret; b=2

`)
	lines, err := Request(r, &Rules{Names: mustNames(t, "X-Department")})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a=1; __Host-latchkey=secret; b=2"}; !slices.Equal(lines, want) {
		t.Errorf("cookies for us: %q", lines)
	}
	for name, want := range map[string]string{
		"Connection": "keep-alive", "Remote-User": "", "X_department": "", "X-Forwarded-For": "192.0.2.1", "Cookie": "a=1; b=2",
	} {
		if got := strings.Join(r.Header[name], "|"); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if r.RequestURI != "/wiki/Main_Page?x=1" {
		t.Errorf("target changed to %q", r.RequestURI)
	}
}

func TestRequestTargets(t *testing.T) { // A57, A59
	n := &Rules{Names: mustNames(t)}
	for _, tt := range []struct {
		name, raw string
		want      error
	}{
		{"origin form", "GET /a HTTP/1.1\nHost: wiki.example.com\n\n", nil},
		{"absolute form", "GET http://Wiki.example.com:80/a HTTP/1.1\nHost: wiki.example.com\n\n", nil},
		{"absolute form wins over Host", "GET http://other.example/a HTTP/1.1\nHost: wiki.example.com\n\n", nil},
		{"asterisk", "OPTIONS * HTTP/1.1\nHost: wiki.example.com\n\n", BadTarget},
		{"authority", "CONNECT other.example:443 HTTP/1.1\nHost: wiki.example.com\n\n", BadTarget},
		{"other scheme", "GET ftp://wiki.example.com/a HTTP/1.1\nHost: wiki.example.com\n\n", BadTarget},
		{"userinfo", "GET http://good@wiki.example.com/a HTTP/1.1\nHost: wiki.example.com\n\n", BadTarget},
		{"dot segment", "GET /a/..;/b HTTP/1.1\nHost: wiki.example.com\n\n", DotSegment},
		{"no host", "GET /a HTTP/1.0\n\n", BadHost},
		{"odd host", "GET /a HTTP/1.1\nHost: wiki.example.com,evil.example\n\n", BadHost},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := parse(t, tt.raw)
			r.Header.Set("Remote-User", "admin")
			_, err := Request(r, n)
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if _, ok := r.Header["Remote-User"]; ok {
				t.Error("an identity header survived")
			}
		})
	}
	// A handler in front may have changed the host by which the request is routed, but not the target.
	r := parse(t, "GET http://other.example/a HTTP/1.1\nHost: other.example\n\n")
	r.Host = "wiki.example.com"
	if _, err := Request(r, n); !errors.Is(err, BadHost) {
		t.Errorf("target for another host: %v", err)
	}
}

func TestRequestTrailers(t *testing.T) { // A51: announced or not, a trailer is no way in
	r := parse(t, `POST /a HTTP/1.1
Host: wiki.example.com
Transfer-Encoding: chunked
Trailer: Remote-User, X-Checksum

2
ok
0
Remote-User: admin
X_forwarded_user: admin
X-Checksum: 1

`)
	if _, err := Request(r, &Rules{Names: mustNames(t)}); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Trailer["Remote-User"]; ok {
		t.Error("announced trailer survived")
	}
	if body, err := io.ReadAll(r.Body); err != nil || string(body) != "ok" {
		t.Fatalf("body %q, %v", body, err)
	}
	if len(r.Trailer) != 1 || r.Trailer.Get("X-Checksum") != "1" {
		t.Errorf("trailers: %v", r.Trailer)
	}
}

// The request of a signed-in browser with no other cookies costs no memory.
func TestRequestDoesNotAllocate(t *testing.T) {
	n := &Rules{Names: mustNames(t, "X-Department")}
	r := parse(t, "GET /wiki/Main_Page?action=view HTTP/1.1\nHost: wiki.example.com\n\n")
	r.Header = ordinary()
	cookie := r.Header["Cookie"]
	if got := testing.AllocsPerRun(100, func() {
		r.Header["Cookie"] = cookie
		if _, err := Request(r, n); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkRequest(b *testing.B) {
	n := &Rules{Names: mustNames(b, "X-Department")}
	r := parse(b, "GET /wiki/Main_Page?action=view HTTP/1.1\nHost: wiki.example.com\n\n")
	r.Header = ordinary()
	cookie := r.Header["Cookie"]
	b.ReportAllocs()
	for b.Loop() {
		r.Header["Cookie"] = cookie
		if _, err := Request(r, n); err != nil {
			b.Fatal(err)
		}
	}
}
