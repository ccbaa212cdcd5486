package site

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/bearer"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// robot is a site that accepts access tokens, and the provider that issues them.
type robot struct {
	*fixture
	h   *Site
	idp *oidctest.IDP
	// saw is what the app was given last; nil if it was given nothing.
	saw http.Header
}

func newRobot(t testing.TB, app *config.App, site *config.Site) *robot {
	t.Helper()
	idp := oidctest.New(t, time.Now)
	app.Providers = []*config.Provider{{Name: "main", Issuer: idp.URL, ClientID: oidctest.Client}}
	site.App = "wiki"
	if site.Bearer == nil && !site.Tokens {
		site.Bearer = &config.Bearer{}
	}
	if site.Bearer != nil {
		site.Bearer.Audience = []string{"wiki"}
	}
	f := newFixture(t, app, site)
	if err := f.tenant.Providers[0].Discover(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &robot{fixture: f, h: f.sites[0], idp: idp}
}

func (b *robot) token(change map[string]any) string {
	claims := map[string]any{
		"iss": b.idp.URL, "aud": "wiki", "sub": "s-1", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(), "client_id": "cli",
		"preferred_username": "ada", "scope": "read",
	}
	maps.Copy(claims, change)
	return b.idp.SignWith(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: b.idp.Key, KeyID: b.idp.KeyID}}, map[string]any{"typ": "at+jwt"}, claims)
}

// ask sends a request to the site.
func (b *robot) ask(t *testing.T, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	b.saw = nil
	next := caddyhttp.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error { b.saw = r.Header; return nil })
	if err := b.h.ServeHTTP(w, r, next); err != nil {
		t.Fatal(err)
	}
	return w
}

// asking is a request of a program.
func asking(target string, header http.Header) *http.Request {
	r := prepared(http.MethodGet, target)
	r.Header = http.Header{"Accept": {"*/*"}, "User-Agent": {"curl/8.5.0"}}
	maps.Copy(r.Header, header)
	caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, "127.0.0.1")
	return r
}

func with(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// refusedAs checks that a request was refused as problem+json, without a cookie and a redirect, and did not reach the app.
func (b *robot) refusedAs(t *testing.T, what string, w *httptest.ResponseRecorder, status int, reason string) {
	t.Helper()
	var said struct{ Reason string }
	_ = json.Unmarshal(w.Body.Bytes(), &said)
	if w.Code != status || said.Reason != reason || b.saw != nil || len(w.Header()["Set-Cookie"]) > 0 || w.Header().Get("Location") != "" {
		t.Errorf("%s: %d %s %v, reached %t; want %d %s", what, w.Code, w.Body, w.Header(), b.saw != nil, status, reason)
	}
}

// What the app is told about a program is what the token says, and not what the program says; it is not told the token.
func TestProgramIsIdentified(t *testing.T) { // A51
	b := newRobot(t, &config.App{}, &config.Site{HeaderGroups: true})
	header := with(b.token(map[string]any{"groups": []string{"staff"}}))
	header["Remote-User"], header["Remote-Groups"], header["Cookie"] = []string{"root"}, []string{"admins"}, []string{"theme=dark"}
	if w := b.ask(t, asking("/", header)); b.saw == nil || len(w.Header()) > 0 {
		t.Fatalf("%d %s %v", w.Code, w.Body, w.Header())
	}
	if b.saw.Get("Remote-User") != "ada" || b.saw.Get("Remote-Groups") != "staff" || b.saw["Authorization"] != nil || b.saw.Get("Cookie") != "theme=dark" {
		t.Errorf("the app saw %v", b.saw)
	}
	b.h.Bearer.ForwardAuthorization = true
	if b.ask(t, asking("/", with(b.token(nil)))); b.saw.Get("Authorization") == "" {
		t.Errorf("the app saw %v", b.saw)
	}
}

// A request with a token is refused where a browser would be helped on, and never both as a program and as a session.
func TestProgramIsNoBrowser(t *testing.T) {
	b := newRobot(t, &config.App{Policies: []*config.Policy{{
		Name: "no-programs", Include: &config.Assignment{Users: []string{"eve"}}, When: &config.When{Clients: []policy.Client{policy.Other}}, Block: true,
	}}}, &config.Site{Bearer: &config.Bearer{Scope: []string{"read"}}})
	token := b.token(nil)
	_, of, err := b.service.Sessions.Create(t.Context(), session.Record{
		Provider: "main", Identity: session.Identity{Issuer: b.idp.URL, Subject: "s-2"}, User: "bob", GroupsAsOf: time.Now(),
	}, session.Tokens{})
	if err != nil {
		t.Fatal(err)
	}
	cookie := "__Host-latchkey=" + session.SealToken(b.ring, of, "wiki.example.com", "latchkey")
	for _, row := range []struct {
		what, target string
		header       http.Header
		status       int
		reason       string
	}{
		{"a session too", "/", http.Header{"Cookie": {cookie}}, http.StatusBadRequest, bearer.ReasonWithCookie},
		{"a page", "/", http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Accept": {"text/html"}}, http.StatusBadRequest, bearer.ReasonNavigation},
		{"a frame", "/", http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"iframe"}}, http.StatusBadRequest, bearer.ReasonNavigation},
		{"a token in the query too", "/?access%5Ftoken=x&access_token=x", nil, http.StatusBadRequest, bearer.ReasonInQuery},
		{"the sign-in", "/.latchkey/sign-in?return=/", nil, http.StatusBadRequest, bearer.ReasonEndpoint},
		{"the account", "/.latchkey/me", nil, http.StatusBadRequest, bearer.ReasonEndpoint},
	} {
		header := with(token)
		maps.Copy(header, row.header)
		b.refusedAs(t, row.what, b.ask(t, asking(row.target, header)), row.status, row.reason)
	}
	insecure := asking("/", with(token))
	insecure.TLS = nil
	b.refusedAs(t, "plain http", b.ask(t, insecure), http.StatusBadRequest, bearer.ReasonInsecure)
	page := http.Header{"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Site": {"same-origin"}}
	maps.Copy(page, with(b.token(map[string]any{"preferred_username": "eve"})))
	b.refusedAs(t, "a script", b.ask(t, asking("/", page)), http.StatusForbidden, string(policy.Blocked))
	b.refusedAs(t, "a scope that lacks", b.ask(t, asking("/", with(b.token(map[string]any{"scope": "x"})))), http.StatusForbidden, bearer.ReasonScope)
	both := with(b.token(map[string]any{"scope": "x", "preferred_username": "eve"}))
	b.refusedAs(t, "a scope that would not help", b.ask(t, asking("/", both)), http.StatusForbidden, string(policy.Blocked))
	b.refusedAs(t, "two headers", b.ask(t, asking("/", http.Header{"Authorization": {"Bearer " + token, "Bearer " + token}})), http.StatusBadRequest, bearer.ReasonRepeated)
	b.refusedAs(t, "a token in the query", b.ask(t, asking("/?access_token="+token, nil)), http.StatusBadRequest, bearer.ReasonInQuery)
	if b.ask(t, asking("/", http.Header{"Cookie": {cookie}, "Authorization": {"Bearer other"}})); b.saw.Get("Remote-User") != "bob" || b.saw.Get("Authorization") != "Bearer other" {
		t.Errorf("the app saw %v", b.saw)
	}
	if b.ask(t, asking("/?access_token=x", http.Header{"Cookie": {cookie}})); b.saw.Get("Remote-User") != "bob" {
		t.Errorf("the app saw %v", b.saw)
	}
}

// A request ends with its token, and with what ends the sessions of its time.
func TestProgramEnds(t *testing.T) {
	b := newRobot(t, &config.App{}, &config.Site{})
	token, err := b.h.Programs.Verify(t.Context(), bearer.Read(with(b.token(nil))), netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	terms := &answerTerms{streamTerms: streamTerms{site: b.h, sessions: b.service.Sessions}, token: token, open: true}
	if err := terms.still(t.Context(), session.ID{}, time.Now()); err != nil {
		t.Errorf("at first: %v", err)
	}
	if err := terms.still(t.Context(), session.ID{}, token.Expires); !errors.Is(err, session.ErrExpired) {
		t.Errorf("at its end: %v", err)
	}
	if err := b.service.Sessions.RevokeBefore(t.Context(), session.Scope{App: "wiki"}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := terms.still(t.Context(), session.ID{}, time.Now()); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("revoked: %v", err)
	}
	b.refusedAs(t, "revoked", b.ask(t, asking("/", with(b.token(map[string]any{"iat": time.Now().Add(-time.Minute).Unix()})))), http.StatusUnauthorized, bearer.ReasonRevoked)
}

// Programs without a credential are told where to get one before anything else, and that the site is no authorization
// server; users who open a page are not.
func TestProgramIsAsked(t *testing.T) {
	b := newRobot(t, &config.App{}, &config.Site{Bearer: &config.Bearer{Scope: []string{"read"}, Metadata: &config.BearerMetadata{}}})
	w := b.ask(t, asking("/mcp", nil))
	b.refusedAs(t, "no token", w, http.StatusUnauthorized, string(policy.SignInRequired))
	const want = `Bearer resource_metadata="https://wiki.example.com/.well-known/oauth-protected-resource/mcp", scope="read", realm="https://wiki.example.com"`
	if got := w.Header()["Www-Authenticate"]; len(got) != 2 || got[0] != want || !strings.HasPrefix(got[1], "Latchkey ") {
		t.Errorf("challenges %q", got)
	}
	b.refusedAs(t, "the metadata of a server", b.ask(t, asking("/.well-known/openid-configuration", nil)), http.StatusNotFound, bearer.ReasonNoServer)
	page := http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Accept": {"text/html"}}
	for _, path := range []string{"/", "/authorize"} {
		if w := b.ask(t, asking(path, page)); w.Code == http.StatusNotFound || w.Header().Get("Www-Authenticate") != "" || b.saw != nil {
			t.Errorf("%s as a page: %d %v", path, w.Code, w.Header())
		}
	}
	plain := newRobot(t, &config.App{}, &config.Site{})
	if got := plain.ask(t, asking("/.well-known/oauth-protected-resource", nil)); got.Code != http.StatusUnauthorized {
		t.Errorf("without metadata: %d", got.Code)
	}
}

// A token that was seen before costs little more than a session: what it says is kept as one.
func TestProgramAllocations(t *testing.T) {
	b := newRobot(t, &config.App{}, &config.Site{})
	b.h.unlogged = true
	header := with(b.token(map[string]any{"groups": strings.Split(strings.Repeat(fmt.Sprintf("%036d,", 1), 10), ",")}))
	next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
	w := httptest.NewRecorder()
	least := math.Inf(1)
	for range 5 {
		request := testing.AllocsPerRun(200, func() { asking("/", header) })
		all := testing.AllocsPerRun(200, func() {
			if err := b.h.ServeHTTP(w, asking("/", header), next); err != nil {
				t.Fatal(err)
			}
		})
		least = min(least, all-request)
	}
	if t.Logf("%.0f allocations", least); w.Code != http.StatusOK || least > 5 {
		t.Errorf("%.0f allocations, %d %s", least, w.Code, w.Body)
	}
}

// What the handler costs for a token that was seen before is the difference of the two.
func BenchmarkProgram(b *testing.B) {
	robot := newRobot(b, &config.App{}, &config.Site{})
	robot.h.unlogged = true
	header := with(robot.token(nil))
	next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
	b.Run("request alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			asking("/", header)
		}
	})
	b.Run("request and handler", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := robot.h.ServeHTTP(httptest.NewRecorder(), asking("/", header), next); err != nil {
				b.Fatal(err)
			}
		}
	})
}
