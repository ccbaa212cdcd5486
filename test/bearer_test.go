package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// A program with a token of the provider gets through under its user's name, and the app does not see the token. It needs no
// cookie, gets none, and is written into the sign-in log once.
func TestBearer(t *testing.T) {
	t.Parallel()
	s := programSite(t, config{app: "policy staff {\ninclude all\nexclude group staff\nwhen client other\nblock\n}"}, "scope api:read")
	alice := s.userTokens("alice", "openid api:read", nil)
	for range 3 {
		saw := s.mustPass(s.program("/api?x=1", alice.Access, http.Header{"Remote-User": {"adam"}, "Remote-Groups": {"admins"}}))
		if saw.Header.Get("Remote-User") != "alice" || saw.Header.Get("Remote-Groups") != "staff" || saw.Header.Get("Authorization") != "" {
			t.Errorf("the app saw %v", saw.Header)
		}
	}
	entries := s.gw.AwaitSignIns(0, 1, rig.Patience)
	if len(entries) != 1 || entries[0].Text("userPrincipalName") != "alice" || entries[0]["isInteractive"] != false ||
		entries[0].Text("clientAppUsed") != "Other clients" || entries[0].Text("clientId") != "tool" || entries[0].Text("sessionId") != "" {
		t.Errorf("sign-in log: %v", entries)
	}
	if n := s.sessions(); n != 0 {
		t.Errorf("%d sessions", n)
	}
	// Groups that the token does not state are unknown, not absent (A6): the policy that excludes by group applies.
	s.mustRefuse(s.program("/api", s.robotToken(apiResource, "api:read"), nil), http.StatusForbidden, "group_overage")
	if got := s.mustRefuse(s.program("/api", s.userTokens("alice", "openid api:write", nil).Access, nil), http.StatusForbidden, "token_scope"); !strings.HasPrefix(got, "Bearer error=\"insufficient_scope\", scope=\"api:read\"") {
		t.Errorf("challenge %q", got)
	}
}

// What is no good token, or no request for one, is refused in the words of RFC 6750: never through, never a cookie, never a
// redirect.
func TestBearerRefused(t *testing.T) {
	t.Parallel()
	s := programSite(t, config{}, "")
	good := s.robotToken(apiResource, "api:read")
	s.mustPass(s.program("/", good, nil))
	alice := rig.NewHTTP(t)
	s.entered(alice, "/", "alice", "Yes")
	_, payload, _ := strings.Cut(good, ".")
	payload, _, _ = strings.Cut(payload, ".")
	public, err := x509.MarshalPKIXPublicKey(s.idpKey())
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{}
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(raw, &claims) != nil {
		t.Fatal(err)
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	typ := func(more map[string]any) map[string]any {
		h := map[string]any{"typ": "at+jwt", "alg": "RS256", "kid": "unknown"}
		maps.Copy(h, more)
		return h
	}
	id := s.userTokens("alice", "openid api:read", nil).ID
	for name, row := range map[string]struct {
		token  string
		reason string
	}{
		"an ID token": {id, "token_kind"}, "for another API": {s.robotToken(mailResource, "mail"), "token_audience"},
		"HS256 by the public key": {rig.SignHS256(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), typ(map[string]any{"alg": "HS256"}), claims), "token_kind"},
		"unsigned":                {rig.Unsigned(typ(map[string]any{"alg": "none"}), claims), "token_kind"},
		"an unknown crit":         {rig.SignRS256(stranger, typ(map[string]any{"crit": []string{"x"}, "x": 1}), claims), "token_kind"},
		"a stranger's key":        {rig.SignRS256(stranger, typ(nil), claims), "token_signature"},
		"no JWT":                  {"abc", "token_foreign"},
	} {
		got := s.mustRefuse(s.program("/", row.token, nil), http.StatusUnauthorized, row.reason)
		if !strings.HasPrefix(got, `Bearer error="invalid_token"`) {
			t.Errorf("%s: challenge %q", name, got)
		}
	}
	navigation := rig.Navigation()
	navigation.Set("Authorization", "Bearer "+good)
	two := http.Header{"Authorization": {"Bearer " + good, "Bearer " + good}}
	for name, row := range map[string]struct {
		reply  rig.Reply
		reason string
	}{
		"a session too":   {alice.Do(rig.Call{URL: s.url("/"), Header: http.Header{"Authorization": {"Bearer " + good}}}), "token_with_cookie"},
		"two headers":     {s.program("/", "", two), "token_repeated"},
		"two in one":      {s.program("/", good+", Bearer "+good, nil), "token_malformed"},
		"in the query":    {s.program("/?access_token="+good, "", nil), "token_in_query"},
		"in both":         {s.program("/?a=b&access_token=x", good, nil), "token_in_query"},
		"on a navigation": {rig.NewHTTP(t).Do(rig.Call{URL: s.url("/"), Header: navigation}), "token_on_navigation"},
		"at sign-in":      {s.program("/.latchkey/sign-in?return=/", good, nil), "token_at_endpoint"},
		"at the account":  {s.program("/.latchkey/me", good, nil), "token_at_endpoint"},
	} {
		if got := s.mustRefuse(row.reply, http.StatusBadRequest, row.reason); !strings.HasPrefix(got, `Bearer error="invalid_request"`) {
			t.Errorf("%s: challenge %q", name, got)
		}
	}
	// A token in the body is not looked for, and credentials of another scheme are none here.
	body := rig.NewHTTP(t).Do(rig.Call{URL: s.url("/"), Form: url.Values{"access_token": {good}}, Header: http.Header{"Accept": {"*/*"}}})
	s.mustRefuse(body, http.StatusUnauthorized, "sign_in_required")
	s.mustRefuse(s.program("/", "", http.Header{"Authorization": {"Basic YTpi"}}), http.StatusUnauthorized, "sign_in_required")

	// Any other credential is the application's, and the session counts.
	for _, other := range []string{"Basic YTpi", "Bearer abc", "Bearer " + rig.SignRS256(stranger, typ(nil), map[string]any{"iss": "https://app.example"})} {
		r := alice.Do(rig.Call{URL: s.url("/"), Header: http.Header{"Authorization": {other}}})
		if saw := s.app.Last(t); r.StatusCode != http.StatusOK || saw.Header.Get("Authorization") != other || saw.Header.Get("Remote-User") != "alice" {
			t.Errorf("%.20s: %d, the app saw %v", other, r.StatusCode, saw.Header)
		}
	}
	if !s.alive(alice) {
		t.Error("alice was signed out")
	}
	// A cookie of a session that is over does not stand in the way of a token, and is not cleared by its answer.
	old := alice.Copy(t)
	alice.Press(alice.Get(s.url("/.latchkey/sign-out")), "Sign out")
	s.mustPass(old.Do(rig.Call{URL: s.url("/"), Header: http.Header{"Authorization": {"Bearer " + good}}}))
}

// The site says where tokens are to be had (RFC 9728), without a sign-in, and asks programs for one; they find no
// authorization server at the site itself.
func TestBearerMetadata(t *testing.T) {
	t.Parallel()
	s := programSite(t, config{}, "scope api:read api:write\nmetadata")
	for path, resource := range map[string]string{
		"": s.origin(), "/": s.origin(), "/srv/mcp": s.url("/srv/mcp"), "/srv/mcp?x=1": s.url("/srv/mcp"), "/a%20b": s.url("/a%20b"),
	} {
		r := s.program("/.well-known/oauth-protected-resource"+path, "", http.Header{"Mcp-Protocol-Version": {"2025-11-25"}})
		var doc map[string]any
		if err := json.Unmarshal([]byte(r.Text), &doc); err != nil || r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "application/json" {
			t.Fatalf("%s: %d %v %s", path, r.StatusCode, err, r.Text)
		}
		servers, _ := doc["authorization_servers"].([]any)
		if doc["resource"] != resource || len(servers) != 1 || servers[0] != s.idp.Issuer || r.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %v", path, doc)
		}
	}
	want := `Bearer resource_metadata="` + s.url("/.well-known/oauth-protected-resource/srv/mcp") + `", scope="api:read api:write"`
	for _, method := range []string{"GET", "POST", "PUT", "PROPFIND", "OPTIONS"} {
		r := rig.NewHTTP(t).Do(rig.Call{Method: method, URL: s.url("/srv/mcp"), Header: http.Header{"Accept": {"application/json, text/event-stream"}}})
		if got := s.mustRefuse(r, http.StatusUnauthorized, "sign_in_required"); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q", method, got)
		}
	}
	for _, path := range []string{
		"/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/srv/mcp", "/.well-known/openid-configuration", "/register",
		"/authorize", "/token",
	} {
		s.mustRefuse(s.program(path, "", nil), http.StatusNotFound, "no_authorization_server")
	}
	if r := rig.NewHTTP(t).Get(s.url("/authorize")); r.Location() == nil {
		t.Errorf("a user who opens a page: %d", r.StatusCode)
	}
	// An application that has such a path gets it from a program with a token.
	s.mustPass(s.program("/token", s.robotToken(apiResource, "api:read api:write"), nil))
}

// A policy that wants a stronger or more recent sign-in is told to the program (RFC 9470), which gets a token that shows it.
// A plain refusal is one.
func TestBearerStepUp(t *testing.T) {
	t.Parallel()
	users := people()
	users["alice"]["asked"] = map[string]any{"acr": "mfa"}
	s := programSite(t, config{
		users: users, provider: "mfa_acr mfa", app: `policy strong {
			match {
				path /strong
			}
			require mfa
		}
		policy fresh {
			match {
				path /fresh
			}
			sign_in_frequency 10m
		}
		policy shut {
			match {
				path /shut
			}
			block
		}`,
	}, "metadata")
	weak, robot := s.userTokens("alice", "openid api:read", nil).Access, s.robotToken(apiResource, "api:read")
	metadata := `resource_metadata="` + s.url("/.well-known/oauth-protected-resource")
	for _, row := range []struct{ path, token, reason, says string }{
		{"/strong", weak, "mfa_required", `Bearer error="insufficient_user_authentication", acr_values="mfa", ` + metadata + `/strong"`},
		{"/fresh", robot, "sign_in_frequency", `Bearer error="insufficient_user_authentication", max_age="600", ` + metadata + `/fresh"`},
	} {
		if got := s.mustRefuse(s.program(row.path, row.token, nil), http.StatusUnauthorized, row.reason); !strings.HasPrefix(got, row.says) {
			t.Errorf("%s: %q", row.path, got)
		}
	}
	s.mustPass(s.program("/fresh", weak, nil))
	s.mustPass(s.program("/strong", s.userTokens("alice", "openid api:read", url.Values{"acr_values": {"mfa"}}).Access, nil))
	if got := s.mustRefuse(s.program("/shut", weak, nil), http.StatusForbidden, "blocked"); got != "" {
		t.Errorf("a plain refusal has the challenge %q", got)
	}
	// It is told as JSON, whatever the program accepts.
	s.mustRefuse(s.program("/shut", weak, http.Header{"Accept": {"text/html"}}), http.StatusForbidden, "blocked")
}

// A stream or a WebSocket that a token opened ends when the token ends.
func TestBearerEndsStreams(t *testing.T) {
	t.Parallel()
	const life = 4
	s := programSite(t, config{idp: func(ic *rig.IDPConfig) {
		ic.Resources[apiResource] = rig.Resource{Scope: "api:read", TTL: life}
	}}, "")
	token, began := s.robotToken(apiResource, "api:read"), time.Now()
	header := http.Header{"Authorization": {"Bearer " + token}}
	ends := map[string]chan error{"WebSocket": make(chan error, 1), "stream": make(chan error, 1), "download": make(chan error, 1)}
	cfg, err := websocket.NewConfig(strings.Replace(s.url("/ws"), "http", "ws", 1), s.origin())
	if err != nil {
		t.Fatal(err)
	}
	cfg.Header = header
	ws, err := websocket.DialConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	go func() { _, err := ws.Read(make([]byte, 1)); ends["WebSocket"] <- err }()
	for name, accept := range map[string]string{"stream": "text/event-stream", "download": "*/*"} {
		req, err := http.NewRequest(http.MethodGet, s.url("/events/endless"), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header.Clone()
		req.Header.Set("Accept", accept)
		resp, err := http.DefaultClient.Do(req)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v %v", name, resp, err)
		}
		defer resp.Body.Close()
		go func() { _, err := io.Copy(io.Discard, resp.Body); ends[name] <- err }()
	}
	for name, ended := range ends {
		select {
		case <-ended:
			if after := time.Since(began); after < (life-1)*time.Second || after > (life+3)*time.Second {
				t.Errorf("the %s ended after %s", name, after)
			}
		case <-time.After(rig.Patience):
			t.Errorf("the %s never ended", name)
		}
	}
	s.mustRefuse(s.program("/", token, nil), http.StatusUnauthorized, "token_expired")
}

// Sessions that an administrator ends take the tokens of before with them.
func TestBearerRevoked(t *testing.T) {
	t.Parallel()
	s := programSite(t, config{}, "")
	token := s.robotToken(apiResource, "api:read")
	s.mustPass(s.program("/", token, nil))
	if status, text := s.gw.AskAdmin(http.MethodPost, "/latchkey/revoke-before", `{"before":"0s","app":"127.0.0.1"}`); status != http.StatusOK {
		t.Fatalf("revoke-before: %d %s", status, text)
	}
	ended := time.Now()
	s.mustRefuse(s.program("/", token, nil), http.StatusUnauthorized, "token_revoked")
	rig.Until(t, rig.Patience, "the second of the revocation is over", func() bool { return time.Now().Unix() > ended.Unix() })
	s.mustPass(s.program("/", s.robotToken(apiResource, "api:read"), nil))
}

// A program counts as one, whatever it says of itself: it does not get past a policy for programs by the headers of a browser.
func TestTokenIsNoBrowser(t *testing.T) {
	t.Parallel()
	s := programSite(t, config{app: "policy no-programs {\nwhen client other\nblock\n}"}, "")
	token := s.robotToken(apiResource, "api:read")
	for _, header := range []http.Header{nil, {"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Site": {"same-origin"}, "User-Agent": {"Mozilla/5.0 (X11; Linux x86_64)"}, "Accept-Language": {"en"}}} {
		s.mustRefuse(s.program("/", token, header), http.StatusForbidden, "blocked")
	}
}
