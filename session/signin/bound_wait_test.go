package signin

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// waits asks for the endpoint as a browser with a session on https does.
func (g *gateway) waits(t *testing.T, token *session.Token, to string, accept ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, browser.BoundWaitPath+"?"+url.Values{"to": {to}}.Encode(), http.NoBody)
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	if len(accept) > 0 {
		r.Header.Set("Accept", accept[0])
		r.Header.Set("Sec-Fetch-Mode", "cors")
		r.Header.Set("Sec-Fetch-Dest", "empty")
	}
	v := &access.Visit{Site: g.site, Origin: "https://wiki.example.com", Host: "wiki.example.com", Secure: true, RequestID: "request-1"}
	if token != nil {
		v.Cookies.Session = session.SealToken(g.service.Keys, *token, v.Host, browser.SessionCookie)
	}
	w := httptest.NewRecorder()
	g.service.ServeHTTP(w, r, v)
	return w
}

// V13: The page that waits for a binding leads nowhere by itself: no user is sent round. It says what to do, to a program as
// well, and lets everybody else go on to a page of this site.
func TestBoundWaitEndsTheWaiting(t *testing.T) {
	g := newGateway(t, func(s *settings) { s.binds = access.Binds{On: true} })
	draft := session.Record{
		Kind: session.Persistent, Provider: "main", User: "ada", GroupsComplete: true,
		Identity: session.Identity{Issuer: g.idp.URL, Subject: oidctest.Client},
	}
	_, token, err := g.service.Sessions.Create(t.Context(), draft, session.Tokens{})
	if err != nil {
		t.Fatal(err)
	}
	w := g.waits(t, &token, "/users?id=1")
	body := w.Body.String()
	if w.Code != http.StatusForbidden || w.Header().Get("Refresh") != "" || !strings.Contains(body, "binding_required") ||
		!strings.Contains(body, "wait nine minutes") || strings.Contains(body, "sign-in?return=") {
		t.Errorf("a moment after the sign-in: %d, %v\n%s", w.Code, w.Header(), body)
	}
	g.clock.Advance(9 * time.Minute)
	w = g.waits(t, &token, "/users?id=1")
	if body := w.Body.String(); w.Code != http.StatusForbidden || w.Header().Get("Refresh") != "" ||
		!strings.Contains(body, `href="/.latchkey/sign-in?return=%2Fusers%3Fid%3D1"`) {
		t.Errorf("nine minutes later: %d\n%s", w.Code, body)
	}
	w = g.waits(t, &token, "/", "application/json")
	if w.Code != http.StatusForbidden || w.Header().Get("Content-Type") != "application/problem+json" || !strings.Contains(w.Body.String(), `"reason":"binding_required","code":50155`) {
		t.Errorf("a program: %d %s", w.Code, w.Body.String())
	}
	for to, want := range map[string]string{
		"/users?id=1": "/users?id=1", "": "/", "https://evil.example/": "/", "//evil.example": "/", "/.latchkey/sign-out": "/",
	} {
		if w := g.waits(t, nil, to); w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
			t.Errorf("A33: to %q without a session: %d to %q", to, w.Code, w.Header().Get("Location"))
		}
	}
	g.store.Fail(session.ErrUnavailable)
	g.clock.Advance(time.Hour)
	if w := g.waits(t, &token, "/"); w.Code != http.StatusServiceUnavailable || len(w.Header()["Set-Cookie"]) != 0 {
		t.Errorf("the store is down: %d", w.Code)
	}
}
