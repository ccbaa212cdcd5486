package pages_test

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/pages/pagestest"
)

// A15: the headers of every page, exactly. No page but one may run a script,
// none but Framed may be framed (field trial 5.5), and none may be kept or tell others where it was.
func TestHeaders(t *testing.T) {
	p := newPages(t)
	for _, s := range pagestest.Gallery() {
		t.Run(s.Name, func(t *testing.T) {
			w := get(t, p, s.Page, "en-GB")
			action, referrer, script := "'none'", "no-referrer", ""
			switch s.Page.(type) {
			case pages.Prompt, pages.SignOut, pages.Me, pages.MakeToken:
				action, referrer = "'self'", "same-origin"
			case pages.SendForm:
				action, referrer = "'self' https:", "same-origin"
			case pages.Done, pages.Again: // the pages with a script, which is ours
				script = "script-src 'self'; "
			}
			want := http.Header{
				"Content-Type":                 {"text/html; charset=utf-8"},
				"Content-Language":             {"en"},
				"Content-Length":               {strconv.Itoa(w.Body.Len())},
				"Vary":                         {"Accept-Language"},
				"Cache-Control":                {"no-store"},
				"Referrer-Policy":              {referrer},
				"X-Content-Type-Options":       {"nosniff"},
				"X-Frame-Options":              {"DENY"},
				"X-Robots-Tag":                 {"noindex"},
				"Cross-Origin-Opener-Policy":   {"same-origin"},
				"Cross-Origin-Resource-Policy": {"same-origin"},
				"Content-Security-Policy": {"default-src 'none'; " + script + "style-src 'self'; img-src 'self'; form-action " + action +
					"; base-uri 'none'; frame-ancestors 'none'"},
			}
			switch page := s.Page.(type) {
			case pages.Problem:
				if page.RetryAfter > 0 {
					want.Set("Retry-After", "30")
				}
			case pages.Continue:
				want.Set("Refresh", "0; url=/handbook")
			case pages.Again:
				want.Set("Refresh", "1; url=/.latchkey/bound/retry?to=%2Fhandbook")
			case pages.Blocked:
				if page.Binding == pages.BindingTrying {
					want.Set("Refresh", "3; url=/.latchkey/bound/wait?to=%2Fhandbook")
				}
			case pages.Framed:
				if problem, ok := page.Instead.(pages.Problem); ok && problem.RetryAfter > 0 {
					want.Set("Retry-After", "30")
				}
				want.Del("X-Frame-Options")
				want.Del("Cross-Origin-Opener-Policy")
				want.Set("Cross-Origin-Resource-Policy", "cross-origin")
				want.Set("Cross-Origin-Embedder-Policy", "require-corp")
				want.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; "+
					"sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation")
			}
			if got := w.Result().Header; !reflect.DeepEqual(got, want) {
				t.Errorf("headers:\n got %v\nwant %v", got, want)
			}
		})
	}
}

func TestHead(t *testing.T) {
	p := newPages(t)
	for _, s := range pagestest.Gallery() {
		full := get(t, p, s.Page, "")
		w := httptest.NewRecorder()
		p.Write(w, httptest.NewRequest(http.MethodHead, "/", http.NoBody), 0, s.Page)
		if w.Body.Len() != 0 || w.Code != full.Code || !reflect.DeepEqual(w.Header(), full.Header()) {
			t.Errorf("%s: %d bytes, status %d, headers %v", s.Name, w.Body.Len(), w.Code, w.Header())
		}
	}
}

func TestStatus(t *testing.T) {
	p := newPages(t)
	tests := []struct {
		page        pages.Page
		given, want int
	}{
		{pages.Chooser{}, 0, 200},
		{pages.Prompt{}, 0, 200},
		{pages.SignOut{}, 0, 200},
		{pages.SignedOut{}, 0, 200},
		{pages.Continue{}, 0, 200},
		{pages.Again{}, 0, 200},
		{pages.Blocked{}, 0, 403},
		{pages.Framed{}, 0, 401},
		{pages.Framed{Instead: pages.Blocked{}}, 0, 403},
		{pages.Framed{Instead: pages.Problem{Kind: pages.KindStoreDown}}, 0, 503},
		{pages.Blocked{}, 401, 401},
		{pages.Problem{}, 0, 500},
		{pages.Problem{Kind: "made_up"}, 0, 500},
		{pages.Problem{Kind: pages.KindIDPDown}, 0, 503},
		{pages.Problem{Kind: pages.KindClaimsOld}, 0, 503},
		{pages.Problem{Kind: pages.KindStoreDown}, 0, 503},
		{pages.Problem{Kind: pages.KindFlowLost}, 0, 400},
		{pages.Problem{Kind: pages.KindBadRequest}, 0, 400},
		{pages.Problem{Kind: pages.KindStaleForm}, 0, 403},
		{pages.Problem{Kind: pages.KindTooMany}, 0, 429},
		{pages.Problem{Kind: pages.KindLateAnswer}, 0, 400},
		{pages.Problem{Kind: pages.KindLoop}, 0, 400},
		{pages.Problem{Kind: pages.KindProviderError}, 0, 502},
		{pages.Problem{Kind: pages.KindDeclined}, 0, 403},
		{pages.Problem{Kind: pages.KindCancelled}, 0, 200},
		{pages.Problem{Kind: pages.KindInsecure}, 0, 400},
		{pages.Problem{Kind: pages.KindNotFound}, 0, 404},
		{pages.Problem{Kind: pages.KindMethod}, 0, 405},
		{pages.Problem{Kind: pages.KindInternal}, 0, 500},
		{pages.Problem{Kind: pages.KindFlowLost, Status: 410}, 0, 410},
		{pages.Problem{Kind: pages.KindFlowLost, Status: 410}, 409, 409},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		p.Write(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody), tt.given, tt.page)
		if w.Code != tt.want {
			t.Errorf("%#v with %d: status %d, want %d", tt.page, tt.given, w.Code, tt.want)
		}
	}
}

// What the caller has set stays, unless it is ours to set.
func TestCallerHeadersStay(t *testing.T) {
	p := newPages(t)
	w := httptest.NewRecorder()
	w.Header().Set("Vary", "Sec-Fetch-Mode")
	w.Header().Set("Set-Cookie", "a=b")
	w.Header().Set("Allow", "GET, POST")
	w.Header().Set("Cache-Control", "public, max-age=60")
	w.Header().Set("Content-Security-Policy", "default-src *")
	p.Write(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody), 0, pages.Problem{Kind: pages.KindMethod})
	h := w.Header()
	if got := h.Values("Vary"); !reflect.DeepEqual(got, []string{"Sec-Fetch-Mode", "Accept-Language"}) {
		t.Errorf("Vary: %q", got)
	}
	if h.Get("Set-Cookie") != "a=b" || h.Get("Allow") != "GET, POST" {
		t.Errorf("lost a header of the caller: %v", h)
	}
	if h.Get("Cache-Control") != "no-store" || len(h.Values("Content-Security-Policy")) != 1 ||
		h.Get("Content-Security-Policy") == "default-src *" {
		t.Errorf("a header of ours was not set: %v", h)
	}
}

func TestRetryAfterRoundsUp(t *testing.T) {
	p := newPages(t)
	for wait, want := range map[time.Duration]string{
		time.Millisecond: "1", time.Second: "1", 1001 * time.Millisecond: "2", time.Minute: "60", 0: "", -time.Second: "",
	} {
		w := get(t, p, pages.Problem{Kind: pages.KindIDPDown, RetryAfter: wait}, "")
		if got := w.Header().Get("Retry-After"); got != want {
			t.Errorf("%v: Retry-After %q, want %q", wait, got, want)
		}
	}
}

// A02: a page that moves on by itself follows nothing but a path of this origin or an http URL.
func TestContinue(t *testing.T) {
	p := newPages(t)
	tests := map[string]string{
		"/":                               "0; url=/",
		"/wiki/a b?q=c d&e=%2f;f='g'#h":   "0; url=/wiki/a%20b?q=c%20d&e=%2f;f='g'#h",
		"https://other.example.com/x":     "0; url=https://other.example.com/x",
		"http://127.0.0.1:8080/":          "0; url=http://127.0.0.1:8080/",
		"/\\evil.example":                 "0; url=/%5Cevil.example",
		"":                                "",
		"wiki":                            "",
		"//evil.example":                  "",
		"////evil.example":                "",
		"\\\\evil.example":                "",
		"javascript:alert(1)":             "",
		"JavaScript:alert(1)":             "",
		"data:text/html,x":                "",
		"https://user@evil.example/":      "",
		"https:evil.example":              "",
		"/x\r\nSet-Cookie: a=b":           "",
		" https://evil.example":           "",
		"mailto:a@example.com":            "",
		"https://evil.example<script>/x'": "",
	}
	for to, want := range tests {
		if got := get(t, p, pages.Continue{URL: to}, "").Header().Get("Refresh"); got != want {
			t.Errorf("%q: Refresh %q, want %q", to, got, want)
		}
		if got := get(t, p, pages.Again{URL: to}, "").Header().Get("Refresh"); got != strings.Replace(want, "0;", "1;", 1) {
			t.Errorf("%q: Refresh %q of a page with a script", to, got)
		}
	}
}

// Any page may frame the page that a frame gets, and no other page that leads on by itself.
func TestAgainInAFrame(t *testing.T) {
	p := newPages(t)
	for framed, page := range map[bool]pages.Page{true: pages.Again{URL: "/x", InFrame: true}, false: pages.Again{URL: "/x"}} {
		h := get(t, p, page, "").Header()
		if got := h.Get("X-Frame-Options") == "" && !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors"); got != framed {
			t.Errorf("in a frame %t: %v", framed, h)
		}
		if csp := h.Get("Content-Security-Policy"); strings.Contains(csp, "sandbox") || !strings.Contains(csp, "script-src 'self'") || strings.Contains(csp, "unsafe") {
			t.Errorf("in a frame %t: %s", framed, csp)
		}
	}
}
