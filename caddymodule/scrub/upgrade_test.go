package scrub

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// Field trial 2.1: no other protocol than websocket is asked for behind us, in whatever way it is spelled, unless the site
// permits it.
func TestUpgrade(t *testing.T) {
	for _, tt := range []struct {
		name      string
		wish      []string
		version   [2]int
		permitted []string
		stays     bool
	}{
		{"websocket", []string{"websocket"}, [2]int{1, 1}, nil, true},
		{"websocket in another case", []string{"WebSocket"}, [2]int{1, 1}, nil, true},
		{"nothing", nil, [2]int{1, 1}, nil, false},
		{"empty", []string{""}, [2]int{1, 1}, nil, false},
		{"no value", []string{}, [2]int{1, 1}, nil, false},
		{"another protocol", []string{"echo"}, [2]int{1, 1}, nil, false},
		{"another HTTP", []string{"h2c"}, [2]int{1, 1}, nil, false},
		{"a list", []string{"websocket, h2c"}, [2]int{1, 1}, nil, false},
		{"a list, the other first", []string{"h2c, websocket"}, [2]int{1, 1}, nil, false},
		{"two lines", []string{"websocket", "h2c"}, [2]int{1, 1}, nil, false},
		{"twice", []string{"websocket", "websocket"}, [2]int{1, 1}, nil, false},
		{"with a version", []string{"websocket/13"}, [2]int{1, 1}, nil, false},
		{"a longer name", []string{"websockets"}, [2]int{1, 1}, nil, false},
		{"the Kelvin sign", []string{"websoc\u212aet"}, [2]int{1, 1}, nil, false},
		{"HTTP/1.0", []string{"websocket"}, [2]int{1, 0}, nil, false},
		{"HTTP/2", []string{"websocket"}, [2]int{2, 0}, nil, false},
		{"HTTP/3", []string{"websocket"}, [2]int{3, 0}, nil, false},
		{"permitted", []string{"SPDY/3.1"}, [2]int{1, 1}, []string{"tcp", "spdy/3.1"}, true},
		{"another version", []string{"SPDY/2"}, [2]int{1, 1}, []string{"spdy/3.1"}, false},
		{"permitted beside another", []string{"spdy/3.1, h2c"}, [2]int{1, 1}, []string{"spdy/3.1"}, false},
		{"websocket beside what is permitted", []string{"websocket"}, [2]int{1, 1}, []string{"spdy/3.1"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, connection := range [][]string{{"Upgrade, HTTP2-Settings"}, {"keep-alive", "uPgrade"}, {"upgrade"}, {"close, upgrade ,te"}} {
				r := httptest.NewRequest(http.MethodGet, "/ws", nil)
				r.ProtoMajor, r.ProtoMinor = tt.version[0], tt.version[1]
				r.Header["Connection"] = slices.Clone(connection)
				r.Header["Http2-Settings"] = []string{"AAMAAABkAAQCAAAAAAIAAAAA"}
				if tt.wish != nil {
					r.Header["Upgrade"] = tt.wish
				}
				if _, err := Request(r, &Rules{Names: mustNames(t), Upgrades: tt.permitted}); err != nil {
					t.Fatal(err)
				}
				_, stays := r.Header["Upgrade"]
				option := strings.Contains(strings.ToLower(strings.Join(r.Header["Connection"], ",")), "upgrade")
				if stays != tt.stays || option != tt.stays {
					t.Errorf("%q: Upgrade stays: %v, option: %v, want %v", connection, stays, option, tt.stays)
				}
				if _, settings := r.Header["Http2-Settings"]; settings && !tt.stays {
					t.Errorf("%q: HTTP2-Settings stays", connection)
				}
			}
		})
	}
}

// Field trial 2.1, 2.2: an extended CONNECT opens a WebSocket, or what the site permits; any other CONNECT is refused.
func TestConnect(t *testing.T) {
	h2 := func(protocols ...string) func(*http.Request) {
		return func(r *http.Request) {
			r.ProtoMajor, r.ProtoMinor = 2, 0
			if protocols != nil {
				r.Header[":protocol"] = protocols
			}
		}
	}
	h3 := func(proto string) func(*http.Request) {
		return func(r *http.Request) { r.ProtoMajor, r.ProtoMinor, r.Proto = 3, 0, proto }
	}
	for name, tt := range map[string]struct {
		is        func(*http.Request)
		permitted []string
		want      error
	}{
		"HTTP/2, websocket":    {h2("websocket"), nil, nil},
		"HTTP/2, another":      {h2("connect-udp"), nil, BadProtocol},
		"HTTP/2, two":          {h2("websocket", "connect-udp"), nil, BadProtocol},
		"HTTP/2, none":         {h2(), nil, BadProtocol},
		"HTTP/2, permitted":    {h2("tcp"), []string{"tcp"}, nil},
		"HTTP/3, websocket":    {h3("websocket"), nil, nil},
		"HTTP/3, webtransport": {h3("webtransport"), nil, BadProtocol},
		"HTTP/3, none":         {h3("HTTP/3.0"), nil, BadProtocol},
		"HTTP/1.1":             {func(*http.Request) {}, nil, BadProtocol},
	} {
		r := httptest.NewRequest(http.MethodGet, "/ws", nil)
		r.Method = http.MethodConnect
		tt.is(r)
		if _, err := Request(r, &Rules{Names: mustNames(t), Upgrades: tt.permitted}); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
}

// Field trial 2.2: the same method in lower case is another method to a rule and the same one to many frameworks.
func TestMethod(t *testing.T) {
	for _, method := range []string{
		"GET", "POST", "PROPFIND", "REPORT", "MKCALENDAR", "VERSION-CONTROL", "M-SEARCH", "BASELINE-CONTROL", "X_1", "QUERY", "PURGE", "BREW!",
	} {
		if err := Method(method); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
	for _, method := range []string{"get", "Post", "DELETe", "propfind", "pATCH", "x"} {
		if !errors.Is(Method(method), LowerCaseMethod) {
			t.Errorf("%s passes", method)
		}
	}
}

// Every refusal has a word of its own in the access log.
func TestRefusalWords(t *testing.T) {
	seen := map[string]Refusal{}
	for refusal, word := range words {
		if other, ok := seen[word]; ok {
			t.Errorf("%q stands for %q and %q", word, refusal, other)
		}
		if seen[word] = refusal; refusal.Word() != word || strings.ToLower(word) != word || strings.ContainsAny(word, " -") {
			t.Errorf("%q is no word", word)
		}
	}
	for _, tt := range refused {
		var refusal Refusal
		if !errors.As(tt.want, &refusal) || words[refusal] == "" {
			t.Errorf("%q has no word", tt.want)
		}
	}
}
