package bearer

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// RFC 9728, sections 3.1 to 3.3: the resource is what the address was made from. The issuer is named byte for byte, and any
// client may ask.
func TestResource(t *testing.T) {
	const at = "/.well-known/oauth-protected-resource"
	issuers := []string{"https://login.example.com/", "https://other.example.com"}
	for _, row := range []struct{ name, path, resource string }{
		{"", at, origin},
		{"", at + "/", origin},
		{"", at + "/mcp", origin + "/mcp"},
		{"", at + "/mcp/", origin + "/mcp/"},
		{"", at + "/a%2Fb", origin + "/a%2Fb"},
		{origin + "/", at, origin + "/"},
		{origin + "/", at + "/", origin + "/"},
		{origin + "/mcp", at, origin},
		{origin + "/mcp", at + "/mcp", origin + "/mcp"},
		{"https://elsewhere.example.com/mcp", at + "/mcp", origin + "/mcp"},
		{"", at + "x", ""},
		{"", "/", ""},
		{"", "/x" + at, ""},
	} {
		s := &Resource{Issuers: issuers, Scopes: []string{"read"}, Published: true, Name: row.name, Title: "Tools"}
		u, err := url.Parse(row.path)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		served := s.Serve(w, httptest.NewRequest(http.MethodGet, "/", nil), origin, u)
		if served != (row.resource != "") || served != s.Serves(u) {
			t.Errorf("%s: served %t", row.path, served)
			continue
		}
		var doc document
		if served && (json.Unmarshal(w.Body.Bytes(), &doc) != nil || doc.Resource != row.resource || !slices.Equal(doc.Servers, issuers) || w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json") {
			t.Errorf("%q at %s: %d %s", row.name, row.path, w.Code, w.Body)
		}
		s.Published = false
		if s.Serve(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), origin, u) || s.Serves(u) {
			t.Errorf("%s: served although it is not published", row.path)
		}
	}
	if (*Resource)(nil).Serves(&url.URL{Path: at}) {
		t.Error("no resource serves")
	}
	s := &Resource{Issuers: issuers, Published: true}
	for method, status := range map[string]int{http.MethodHead: 200, http.MethodOptions: 204, http.MethodPost: 405} {
		w := httptest.NewRecorder()
		if !s.Serve(w, httptest.NewRequest(method, "/", nil), origin, &url.URL{Path: at}) || w.Code != status || w.Body.Len() > 0 || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %q %v", method, w.Code, w.Body, w.Header())
		}
	}
}

func TestNoServer(t *testing.T) {
	for path, want := range map[string]bool{
		"/register": true, "/authorize": true, "/token": true, "/.well-known/openid-configuration": true, "/.well-known/oauth-authorization-server/mcp": true,
		"/": false, "/tokens": false, "/token/": false, "/api/token": false, "/.well-known/oauth-authorization-serverx": false,
	} {
		if NoServer(path) != want {
			t.Errorf("%s: %t", path, !want)
		}
	}
}

// RFC 9728, section 3.3: what the answer names must be what the client requested, or at least above it. It must also be an
// audience, if one is an address of the site, because clients request a token for it.
func TestWhichMetadata(t *testing.T) {
	const at = origin + "/.well-known/oauth-protected-resource"
	for _, row := range []struct{ name, audience, asked, metadata, resource string }{
		{"", "api", "/", at, origin},
		{"", "api", "/mcp", at + "/mcp", origin + "/mcp"},
		{"", "api", "/mcp/?x=1", at + "/mcp/", origin + "/mcp/"},
		{"", "api", "/a%2Fb", at + "/a%2Fb", origin + "/a%2Fb"},
		{"", "api", "/" + strings.Repeat("x", maxAsked), at, origin},
		{"", "https://app.example.com.example.org/mcp", "/mcp", at + "/mcp", origin + "/mcp"},
		{"", origin, "/mcp", at, origin},
		{"", origin + "/", "/mcp", at, origin + "/"},
		{"", origin + "/mcp", "/mcp", at + "/mcp", origin + "/mcp"},
		{"", origin + "/mcp", "/mcp/v1", at + "/mcp", origin + "/mcp"},
		{"", origin + "/mcp", "/mcps", at + "/mcps", origin + "/mcps"},
		{"", origin + "/mcp/", "/mcp", at + "/mcp", origin + "/mcp"},
		{"", origin + " " + origin + "/a " + origin + "/a/b api", "/a/b/c", at + "/a/b", origin + "/a/b"},
		{origin + "/mcp", origin + "/other", "/other", at + "/mcp", origin + "/mcp"},
	} {
		s := &Resource{Published: true, Name: row.name, Audience: strings.Fields(row.audience)}
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		got := s.Challenges(r, &access.Visit{Origin: origin, Return: row.asked})
		if want := []string{`Bearer resource_metadata="` + row.metadata + `", realm="` + origin + `"`}; !slices.Equal(got, want) {
			t.Errorf("%.40s for %q: %.200q", row.asked, row.audience, got)
		}
		u, err := url.Parse(strings.TrimPrefix(row.metadata, origin))
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		var doc document
		if s.Serve(w, httptest.NewRequest(http.MethodGet, "/", nil), origin, u); json.Unmarshal(w.Body.Bytes(), &doc) != nil || doc.Resource != row.resource {
			t.Errorf("%.40s for %q: %s", row.asked, row.audience, w.Body)
		}
	}
}

// What clients look for stands first, and in no text before; no text breaks out of its quotes.
func TestChallenges(t *testing.T) {
	s := &Resource{Scopes: []string{"a", "b"}, Published: true, Name: origin + "/mcp"}
	const metadata = `resource_metadata="https://app.example.com/.well-known/oauth-protected-resource/mcp", scope="a b"`
	v := &access.Visit{Origin: origin, RequestID: "r"}
	answer := func(tell func(http.ResponseWriter, *http.Request)) (string, *httptest.ResponseRecorder) {
		w := httptest.NewRecorder()
		tell(w, httptest.NewRequest(http.MethodGet, "/", nil))
		return w.Header().Get("WWW-Authenticate"), w
	}
	const basic = `Basic realm="` + origin + `", charset="UTF-8"`
	full := "Bearer " + metadata + `, realm="` + origin + `"`
	both := *s
	both.Basic = true
	const page = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
	tokens := &Resource{Basic: true, NoBearer: true}
	for what, row := range map[string]struct {
		of     *Resource
		path   string
		agent  string
		header http.Header
		want   []string
	}{
		"asked":                               {of: s, want: []string{full}},
		"git, and no token can be a password": {of: s, agent: "git/2.39.5", want: []string{full}},
		"with nothing to say":                 {of: &Resource{}, want: []string{`Bearer realm="` + origin + `"`}}, // clients take a scheme alone for no challenge
		"for both":                            {of: &both, want: []string{full, basic}},
		"git, for both":                       {of: &both, agent: "git/2.39.5", want: []string{basic, full}},
		"a registry, for both":                {of: &both, path: "/v2/", want: []string{basic, full}},
		"a registry's image, for both":        {of: &both, path: "/v2/tool/manifests/1", agent: "containerd/1.7", want: []string{basic, full}},
		"an API's second version, for both":   {of: &both, path: "/v2/mcp", agent: "node", want: []string{full, basic}},
		"for passwords alone":                 {of: tokens, want: []string{basic}},
		"a script":                            {of: tokens, agent: page, header: http.Header{"Sec-Fetch-Site": {"same-origin"}}},
		"a script, for both":                  {of: &both, agent: page, header: http.Header{"Sec-Fetch-Site": {"cross-site"}, "Depth": {"1"}}, want: []string{full}},
		"a script of an old browser":          {of: tokens, agent: page, header: http.Header{"Referer": {origin + "/"}}},
		"an old browser sends a form":         {of: tokens, agent: page, header: http.Header{"Origin": {origin}}},
		"a browser by itself":                 {of: tokens, agent: page, header: http.Header{"Sec-Fetch-Site": {"none"}}, want: []string{basic}},
		"Thunderbird":                         {of: tokens, agent: page + " Thunderbird/145.0", header: http.Header{"Sec-Fetch-Site": {"cross-site"}}, want: []string{basic}},
		"a program that follows a link":       {of: tokens, agent: "curl/8.5.0", header: http.Header{"Referer": {origin + "/"}}, want: []string{basic}},
	} {
		r := httptest.NewRequest(http.MethodGet, cmp.Or(row.path, "/"), nil)
		maps.Copy(r.Header, row.header)
		r.Header.Set("User-Agent", row.agent)
		if got := row.of.Challenges(r, v); !slices.Equal(got, row.want) {
			t.Errorf("%s: %q", what, got)
		}
	}
	got, w := answer(func(w http.ResponseWriter, r *http.Request) {
		s.Refuse(w, r, v, Presented{Scheme: schemeBearer}, errScope)
	})
	if got != `Bearer error="insufficient_scope", `+metadata+`, error_description="the token lacks a scope"` || w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), `"reason":"token_scope"`) {
		t.Errorf("a scope: %s %s", got, w.Body)
	}
	got, _ = answer(func(w http.ResponseWriter, r *http.Request) {
		s.Refuse(w, r, v, Presented{Scheme: schemeDPoP}, badProof(`a "quote" \ and`+"\nmore"))
	})
	if !strings.HasPrefix(got, `DPoP error="invalid_dpop_proof", `+metadata+`, algs="RS256 `) || !strings.HasSuffix(got, `error_description="a _quote_ _ and_more"`) {
		t.Errorf("a proof: %s", got)
	}
	for _, why := range []*Refused{errClient, {Status: http.StatusTooManyRequests, Reason: ReasonAttempts, Says: "wait", Wait: 1500 * time.Millisecond}} {
		if got, w := answer(func(w http.ResponseWriter, r *http.Request) { s.Refuse(w, r, v, Presented{Scheme: schemeBearer}, why) }); got != "" || w.Code != why.Status || why.Wait > 0 != (w.Header().Get("Retry-After") == "2") {
			t.Errorf("%s: %s %v", why.Reason, got, w.Header())
		}
	}
	for _, row := range []struct {
		demand   *oidc.Demand
		contexts []string
		want     string
	}{
		{&oidc.Demand{MFA: true}, []string{"c1", "mfa"}, `acr_values="c1 mfa", `},
		{&oidc.Demand{Reauthenticate: true, MaxAge: time.Hour}, nil, `max_age="3600", `},
		{&oidc.Demand{PromptLogin: true}, nil, `max_age="0", `},
		{&oidc.Demand{Reauthenticate: true}, []string{"mfa"}, `acr_values="mfa", max_age="0", `},
		{new(oidc.Demand), nil, ""},
	} {
		got, w := answer(func(w http.ResponseWriter, r *http.Request) {
			s.StepUp(w, r, v, Presented{Scheme: schemeBearer}, &access.Refusal{Reason: "mfa_required"}, row.demand, row.contexts)
		})
		if !strings.HasPrefix(got, `Bearer error="insufficient_user_authentication", `+row.want+metadata) || w.Code != http.StatusUnauthorized {
			t.Errorf("%+v: %s", row.demand, got)
		}
	}
}
