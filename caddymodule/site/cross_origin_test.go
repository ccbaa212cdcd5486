package site

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

const (
	sisterOrigin = "https://evil.example.com"
	scriptOrigin = "https://script.example.com"
)

// sent is the request of a page of an origin, with the session's cookie. It is a fetch with the mode no-cors.
func (s *visitor) sent(method, target, origin, site string) *http.Request {
	r := prepared(method, target)
	r.Header = http.Header{"Cookie": s.cookies, "Origin": {origin}, "Sec-Fetch-Site": {site}, "Sec-Fetch-Mode": {"no-cors"}}
	caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, "192.0.2.7")
	return r
}

// answered is what becomes of a request.
func (s *visitor) answered(t *testing.T, r *http.Request) (w *httptest.ResponseRecorder, passed bool) {
	t.Helper()
	w = httptest.NewRecorder()
	before := s.passed
	if err := s.h.ServeHTTP(w, r, s.next); err != nil {
		t.Fatal(err)
	}
	return w, s.passed != before
}

// A23, field trial 5.4: a page of a sister host changes nothing with a user's session. The access log and the metric say why.
func TestForeignWriteIsRefused(t *testing.T) {
	s := newVisitor(t, &config.App{}, &config.Site{App: "wiki", Origins: []string{"https://tools.example.com", "app://x"}, Cors: []string{scriptOrigin}, PreservePost: 1000})
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "PROPPATCH"} {
		before := count(t, "caddy_latchkey_requests_total", CrossOrigin, CrossOrigin)
		r := s.sent(method, "/page", sisterOrigin, "same-site")
		w, passed := s.answered(t, r)
		var said struct{ Reason string }
		if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || passed || w.Code != http.StatusForbidden || said.Reason != CrossOrigin {
			t.Errorf("%s: %d, passed %t, %s", method, w.Code, passed, w.Body)
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "" || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s: %v", method, w.Header())
		}
		if got := logged(r); got["latchkey_decision"] != CrossOrigin || got["latchkey_reason"] != CrossOrigin {
			t.Errorf("%s: the access log says %v", method, got)
		}
		if got := count(t, "caddy_latchkey_requests_total", CrossOrigin, CrossOrigin); got != before+1 {
			t.Errorf("%s: not counted", method)
		}
	}
	// A form that a user sees the answer to is told in a page.
	r := s.sent(http.MethodPost, "/page", "null", "same-site")
	r.Header["Sec-Fetch-Mode"], r.Header["Sec-Fetch-Dest"] = []string{"navigate"}, []string{"document"}
	if w, passed := s.answered(t, r); passed || w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), CrossOrigin) {
		t.Errorf("a form: %d, passed %t, %s", w.Code, passed, w.Body)
	}
	for name, r := range map[string]*http.Request{
		"its own":                    s.sent(http.MethodPost, "/", "https://wiki.example.com", "same-origin"),
		"its own without a referrer": s.sent(http.MethodPost, "/", "null", "same-origin"),
		"origins":                    s.sent(http.MethodPost, "/", "https://tools.example.com", "same-site"),
		"an app":                     s.sent(http.MethodPost, "/", "app://x", "cross-site"),
		"cors":                       s.sent(http.MethodPut, "/", scriptOrigin, "same-site"),
		"a link":                     s.sent(http.MethodGet, "/", sisterOrigin, "same-site"),
	} {
		if w, passed := s.answered(t, r); !passed {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	r = s.sent(http.MethodPost, "/", sisterOrigin, "same-site")
	delete(r.Header, "Sec-Fetch-Site")
	if w, passed := s.answered(t, r); !passed {
		t.Errorf("an old browser: %d", w.Code)
	}
	// What is for no session is as before: a stranger, and the endpoints, which have checks of their own.
	r = s.sent(http.MethodPost, "/", sisterOrigin, "same-site")
	delete(r.Header, "Cookie")
	if w, passed := s.answered(t, r); passed || w.Code != http.StatusUnauthorized {
		t.Errorf("a stranger: %d, passed %t", w.Code, passed)
	}
	if w, _ := s.answered(t, s.sent(http.MethodPost, "/.latchkey/callback", "https://login.example.net", "cross-site")); strings.Contains(w.Body.String(), CrossOrigin) {
		t.Errorf("the answer of a provider: %d, %s", w.Code, w.Body)
	}
	// `cors` opens no WebSocket.
	r = s.sent(http.MethodGet, "/ws", scriptOrigin, "same-site")
	r.Header["Upgrade"] = []string{"websocket"}
	if w, passed := s.answered(t, r); passed || w.Code != http.StatusForbidden {
		t.Errorf("a WebSocket: %d, passed %t", w.Code, passed)
	}
}

func pathMatcher(path string) caddyhttp.RawMatcherSets {
	return caddyhttp.RawMatcherSets{{"path": json.RawMessage(`["` + path + `"]`)}}
}

func preflightOf(s *visitor, origin string) *http.Request {
	r := s.sent(http.MethodOptions, "/api", origin, "same-site")
	r.Header["Sec-Fetch-Mode"], r.Header["Access-Control-Request-Method"] = []string{"cors"}, []string{"PUT"}
	return r
}

// Field trial 5.4: a preflight reaches the application as a question without a user and without a body, also if its
// client has a session; a policy that refuses all users applies.
func TestPreflightIsPassedOnWithoutIdentity(t *testing.T) {
	network := &config.App{
		Networks: []*config.Network{{Name: "office", Ranges: []string{"192.0.2.0/24"}}},
		Policies: []*config.Policy{{Name: "office", Exclude: &config.Assignment{Networks: []string{"office"}}, Block: true}},
	}
	s := newVisitor(t, network, &config.Site{App: "wiki", Cors: []string{scriptOrigin}, Header: []config.HeaderClaim{{Name: "X-Department", Claim: "department"}}})
	var got *http.Request
	s.next = caddyhttp.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error {
		got = r
		s.passed++
		return nil
	})
	before := count(t, "caddy_latchkey_requests_total", Preflight, Preflight)
	r := preflightOf(s, scriptOrigin)
	for _, name := range []string{"Authorization", "Proxy-Authorization", "Remote-User", "X-Department", "X-Latchkey-Assertion", "Content-Length", "Expect"} {
		r.Header[name] = []string{"7"}
	}
	r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(strings.NewReader("payload")), 7, []string{"chunked"}
	r.Trailer = http.Header{"X-Trailer": nil}
	w, passed := s.answered(t, r)
	if !passed {
		t.Fatalf("%d", w.Code)
	}
	for name := range got.Header {
		if name != "Origin" && name != "Access-Control-Request-Method" && !strings.HasPrefix(name, "Sec-Fetch-") {
			t.Errorf("it came with %s: %v", name, got.Header[name])
		}
	}
	if body, err := io.ReadAll(got.Body); len(body) > 0 || err != nil || got.ContentLength != 0 || got.TransferEncoding != nil || got.Trailer != nil {
		t.Errorf("it came with a body: %q, %v, %d", body, err, got.ContentLength)
	}
	if user, _ := replacerOf(got).GetString("http.auth.user.id"); user != "" {
		t.Errorf("it came from %q", user)
	}
	if logged(r)["latchkey_decision"] != Preflight || logged(r)["latchkey_session"] != "" || count(t, "caddy_latchkey_requests_total", Preflight, Preflight) != before+1 {
		t.Errorf("the access log says %v", logged(r))
	}
	if w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("the answer is the application's, and has %v", w.Header())
	}
	r = preflightOf(s, scriptOrigin)
	caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, "198.51.100.7")
	if w, passed := s.answered(t, r); passed || w.Code != http.StatusForbidden || w.Header().Get("Access-Control-Allow-Origin") != scriptOrigin {
		t.Errorf("from another network: %d, passed %t, %v", w.Code, passed, w.Header())
	}
	for name, r := range map[string]*http.Request{"a sister host": preflightOf(s, sisterOrigin), "no preflight": s.sent(http.MethodOptions, "/api", scriptOrigin, "same-site")} {
		delete(r.Header, "Cookie")
		if w, passed := s.answered(t, r); passed || w.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d, passed %t", name, w.Code, passed)
		}
	}
}

// Field trial 5.4: a script of a cors origin can read why it is refused, and nothing is added to an answer of the application.
func TestScriptsReadTheRefusal(t *testing.T) {
	s := newVisitor(t, &config.App{}, &config.Site{
		App: "wiki", Cors: []string{scriptOrigin},
		Policies: []*config.Policy{
			{Name: "no", Include: &config.Assignment{Users: []string{"ada@example.com"}}, MatchRaw: pathMatcher("/no"), Block: true},
			{Name: "more", MatchRaw: pathMatcher("/more"), Require: []string{"mfa"}},
		},
	})
	for _, tt := range []struct {
		target, origin string
		stranger       bool
		status         int
		readable       bool
	}{
		{"/", scriptOrigin, true, http.StatusUnauthorized, true},
		{"/more", scriptOrigin, false, http.StatusUnauthorized, true},
		{"/no", scriptOrigin, false, http.StatusForbidden, true},
		{"/", sisterOrigin, true, http.StatusUnauthorized, false},
		{"/", "null", true, http.StatusUnauthorized, false},
		{"/no", sisterOrigin, false, http.StatusForbidden, false},
		{"/", scriptOrigin, false, http.StatusOK, false}, // the application's answer
	} {
		r := s.sent(http.MethodGet, tt.target, tt.origin, "same-site")
		r.Header["Sec-Fetch-Mode"] = []string{"cors"}
		if tt.stranger {
			delete(r.Header, "Cookie")
		}
		w, passed := s.answered(t, r)
		h := w.Header()
		if w.Code != tt.status || passed != (tt.status == http.StatusOK) {
			t.Errorf("%+v: %d, passed %t", tt, w.Code, passed)
		}
		vary := strings.Contains(strings.Join(h["Vary"], ","), "Origin")
		if tt.readable && (h.Get("Access-Control-Allow-Origin") != tt.origin || h.Get("Access-Control-Allow-Credentials") != "true" || !vary ||
			!strings.Contains(h.Get("Access-Control-Expose-Headers"), "WWW-Authenticate")) {
			t.Errorf("%+v: a script cannot read it: %v", tt, h)
		}
		if !tt.readable && (h.Get("Access-Control-Allow-Origin") != "" || h.Get("Access-Control-Allow-Credentials") != "") {
			t.Errorf("%+v: %v", tt, h)
		}
	}
	// A page is for users.
	r := s.sent(http.MethodGet, "/no", scriptOrigin, "same-site")
	r.Header["Sec-Fetch-Mode"], r.Header["Sec-Fetch-Dest"] = []string{"navigate"}, []string{"document"}
	if w, _ := s.answered(t, r); w.Code != http.StatusForbidden || w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a page: %d, %v", w.Code, w.Header())
	}
}
