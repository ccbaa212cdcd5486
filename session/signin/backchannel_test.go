package signin

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// post is what a provider sends: from no browser, with no cookie.
func (g *gateway) post(body string, header ...string) result {
	g.t.Helper()
	r, err := http.NewRequest(http.MethodPost, g.URL+browser.Base+"/logout/backchannel", strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	_ = json.NewDecoder(resp.Body).Decode(&said)
	return result{status: resp.StatusCode, header: resp.Header, body: said.Error + ": " + said.Description}
}

func (g *gateway) logout(token string) result {
	g.t.Helper()
	return g.post(url.Values{"logout_token": {token}}.Encode())
}

// signedInAs signs in a new browser as a person with a session at the provider.
func (g *gateway) signedInAs(sub, sid, answer string) *testBrowser {
	g.t.Helper()
	g.idp.Set(func(p *oidctest.IDP) {
		p.Claims = map[string]any{"sub": sub, "sid": sid}
		if sid == "" {
			delete(p.Claims, "sid")
		}
	})
	b := g.browser()
	b.signIn(answer)
	return b
}

func (b *testBrowser) alive() bool { b.t.Helper(); return b.get("/").status == http.StatusOK }

type change = map[string]any

// backChannelRule is a logout token, and what it is answered with.
type backChannelRule struct {
	rule   string
	header map[string]any
	change map[string]any
	status int
}

var goodLogoutHeader = change{"typ": "logout+jwt"}

// backChannelRules are logout tokens, each with the number of the rule that it shows.
var backChannelRules = []backChannelRule{
	{"1 a good token", goodLogoutHeader, nil, 200},
	{"4 iss of another provider", goodLogoutHeader, change{"iss": "https://evil.example"}, 400},
	{"4 iss missing", goodLogoutHeader, change{"iss": nil}, 400},
	{"4 iss with a slash more", goodLogoutHeader, change{"iss": "/"}, 400},
	{"4 aud of another client", goodLogoutHeader, change{"aud": "other"}, 400},
	{"4 aud missing", goodLogoutHeader, change{"aud": nil}, 400},
	{"4 aud a list of us", goodLogoutHeader, change{"aud": []string{oidctest.Client}}, 200},
	{"4 aud a list with another", goodLogoutHeader, change{"aud": []string{oidctest.Client, "other"}}, 400},
	{"4 aud an empty list", goodLogoutHeader, change{"aud": []string{}}, 400},
	{"4 iat missing", goodLogoutHeader, change{"iat": nil}, 400},
	{"4 iat null", goodLogoutHeader, change{"iat": json.RawMessage("null")}, 400},
	{"4 iat a string", goodLogoutHeader, change{"iat": "now"}, 400},
	// Field trial 4.3: older drafts had no exp; then the token is good for two minutes.
	{"4 exp missing", goodLogoutHeader, change{"exp": nil}, 200},
	{"4 exp missing, three minutes ago and clocks differ", goodLogoutHeader, change{"exp": nil, "iat": -179}, 200},
	{"4 exp missing, older", goodLogoutHeader, change{"exp": nil, "iat": -180}, 400},
	{"4 exp is no number", goodLogoutHeader, change{"exp": "soon"}, 400},
	{"4 exp has passed", goodLogoutHeader, change{"iat": -600, "exp": -120}, 400},
	{"4 exp has just passed, clocks differ", goodLogoutHeader, change{"iat": -150, "exp": -30}, 200},
	{"5 sub and sid missing", goodLogoutHeader, change{"sid": nil}, 400},
	{"5 sid empty", goodLogoutHeader, change{"sid": ""}, 400},
	{"5 sid a number", goodLogoutHeader, change{"sid": 1}, 400},
	{"5 sub null beside sid", goodLogoutHeader, change{"sub": json.RawMessage("null")}, 400},
	{"5 sid oversized", goodLogoutHeader, change{"sid": strings.Repeat("x", 1025)}, 400},
	{"5 sub oversized", goodLogoutHeader, change{"sub": strings.Repeat("x", 256)}, 400},
	{"6 events missing", goodLogoutHeader, change{"events": nil}, 400},
	{"6 events a list", goodLogoutHeader, change{"events": []string{oidctest.LogoutEvent}}, 400},
	{"6 events a string", goodLogoutHeader, change{"events": oidctest.LogoutEvent}, 400},
	{"6 events without ours", goodLogoutHeader, change{"events": change{"http://schemas.openid.net/event/other": change{}}}, 400},
	{"6 event null", goodLogoutHeader, change{"events": change{oidctest.LogoutEvent: nil}}, 400},
	{"6 event a string", goodLogoutHeader, change{"events": change{oidctest.LogoutEvent: "{}"}}, 400},
	{"6 spelled EVENTS", goodLogoutHeader, change{"events": nil, "EVENTS": change{oidctest.LogoutEvent: change{}}}, 400},
	{"6 with revoke_offline_access", goodLogoutHeader, change{"events": change{oidctest.LogoutEvent: change{"revoke_offline_access": true}}}, 200},
	{"6 with other events beside", goodLogoutHeader, change{"events": change{oidctest.LogoutEvent: change{}, "https://e.example": 1}}, 200},
	{"7 nonce", goodLogoutHeader, change{"nonce": "n"}, 400},
	{"7 nonce empty", goodLogoutHeader, change{"nonce": ""}, 400},
	{"7 nonce null", goodLogoutHeader, change{"nonce": json.RawMessage("null")}, 400},
	{"8 jti missing", goodLogoutHeader, change{"jti": nil}, 400},
	{"8 jti empty", goodLogoutHeader, change{"jti": ""}, 400},
	{"8 jti a number", goodLogoutHeader, change{"jti": 7}, 400},
	{"8 jti oversized", goodLogoutHeader, change{"jti": strings.Repeat("x", 1025)}, 400},
	{"12 typ missing", nil, nil, 200},
	{"12 typ JWT", change{"typ": "JWT"}, nil, 200},
	{"12 typ with application/", change{"typ": "application/logout+jwt"}, nil, 200},
	{"12 typ at+jwt", change{"typ": "at+jwt"}, nil, 400},
	{"12 typ secevent+jwt", change{"typ": "secevent+jwt"}, nil, 400},
	{"12 typ of another form", change{"typ": []string{"logout+jwt"}}, nil, 400},
	{"12 crit", change{"typ": "logout+jwt", "crit": []string{"exp"}}, nil, 400},
	// ZITADEL's tokens end a quarter of an hour after they were issued. Whatever exp says, ten minutes after iat it is over.
	{"13 exp a quarter of an hour ahead", goodLogoutHeader, change{"exp": 15 * 60}, 200},
	{"13 exp ten years ahead", goodLogoutHeader, change{"exp": 10 * 365 * 24 * 3600}, 200},
	{"13 exp ahead, and ten minutes ago and clocks differ", goodLogoutHeader, change{"iat": -659, "exp": 15 * 60}, 200},
	{"13 exp ahead, and issued longer ago", goodLogoutHeader, change{"iat": -660, "exp": 15 * 60}, 400},
	{"13 exp ten years ahead, and issued longer ago", goodLogoutHeader, change{"iat": -660, "exp": 10 * 365 * 24 * 3600}, 400},
	{"13 exp before iat", goodLogoutHeader, change{"iat": 50, "exp": 20}, 400},
	{"13 iat ahead", goodLogoutHeader, change{"iat": 61, "exp": 120}, 400},
	{"13 iat ahead, clocks differ", goodLogoutHeader, change{"iat": 59, "exp": 120}, 200},
	{"13 iat years ahead", goodLogoutHeader, change{"iat": 1e11, "exp": 1e11 + 60}, 400},
	{"other claims are passed over", goodLogoutHeader, change{"trace": "x", "act": change{"sub": "y"}}, 200},
}

// The 18 rules of OpenID Connect Back-Channel Logout 1.0, by number, as far as one token shows them (A43). A token that is
// refused ends nothing.
func TestBackChannelRules(t *testing.T) {
	for _, row := range backChannelRules {
		t.Run(row.rule, func(t *testing.T) {
			t.Parallel()
			row.holds(t)
		})
	}
}

func (row *backChannelRule) holds(t *testing.T) {
	g := newGateway(t)
	b := g.signedInAs("s-1", "sid-1", "yes")
	claims := map[string]any{"sid": "sid-1"}
	maps.Copy(claims, row.change)
	for _, at := range []string{"iat", "exp"} { // seconds from now
		switch v := claims[at].(type) {
		case int:
			claims[at] = g.clock.Now().Unix() + int64(v)
		case float64:
			claims[at] = int64(v)
		}
	}
	if claims["iss"] == "/" {
		claims["iss"] = g.idp.URL + "/"
	}
	r := g.logout(g.idp.LogoutTokenOf(row.header, claims))
	if r.status != row.status {
		t.Errorf("status %d (%s), want %d", r.status, r.body, row.status)
	}
	if r.header.Get("Cache-Control") != "no-store" || len(r.setCookies()) != 0 {
		t.Errorf("16: header %v", r.header)
	}
	if strings.Contains(r.body, "sid-1") || row.status == 400 && !strings.HasPrefix(r.body, "invalid_request: ") {
		t.Errorf("16: it says %q", r.body)
	}
	if b.alive() != (row.status != http.StatusOK) {
		t.Errorf("after %d the session lives: %t", r.status, b.alive())
	}
}

// Rules 1, 2, 3 and 17: what a request and a signature may be. Nothing of it asks the store for anything.
func TestBackChannelForm(t *testing.T) {
	g := newGateway(t)
	b := g.signedInAs("s-1", "sid-1", "yes")
	token := g.idp.LogoutToken(map[string]any{"sid": "sid-1"})
	parts := strings.Split(token, ".")
	hmacKey := jose.SigningKey{Algorithm: jose.HS256, Key: []byte("client-secret-canary client-secret-canary")}
	stranger := oidctest.New(t, g.clock.Now)
	strange := stranger.LogoutTokenOf(map[string]any{"typ": "logout+jwt"}, map[string]any{"iss": g.idp.URL, "sid": "sid-1"})
	form := func(values ...string) string { return url.Values{"logout_token": values}.Encode() }
	for what, r := range map[string]result{
		"1 no token":                   g.post(""),
		"1 an empty token":             g.post(form("")),
		"1 two tokens (A44)":           g.post(form(token, token)),
		"1 JSON":                       g.post(`{"logout_token":"`+token+`"}`, "Content-Type", "application/json"),
		"1 no content type":            g.post(form(token), "Content-Type", ""),
		"1 multipart":                  g.post(form(token), "Content-Type", "multipart/form-data; boundary=x"),
		"1 malformed form":             g.post("logout_token=%zz"),
		"1 oversized":                  g.post(form(token) + "&x=" + strings.Repeat("x", maxLogoutBody)),
		"2 encrypted":                  g.post(form("a.b.c.d.e")),
		"2 encrypted, in form":         g.post(form(parts[0] + ".." + parts[1] + "." + parts[2] + ".x")),
		"3 alg none":                   g.post(form("eyJhbGciOiJub25lIiwidHlwIjoibG9nb3V0K2p3dCJ9." + parts[1] + ".")),
		"3 alg none, signature kept":   g.post(form("eyJhbGciOiJub25lIiwidHlwIjoibG9nb3V0K2p3dCJ9." + parts[1] + "." + parts[2])),
		"3 symmetric":                  g.logout(g.idp.SignWith(hmacKey, map[string]any{"typ": "logout+jwt"}, g.idp.LogoutClaims(map[string]any{"sid": "sid-1"}))),
		"3 another provider's key":     g.post(form(strange)),
		"3 claims of another token":    g.post(form(parts[0] + "." + strings.Split(strange, ".")[1] + "." + parts[2])),
		"3 no signature":               g.post(form(parts[0] + "." + parts[1] + ".")),
		"3 signature in another spell": g.post(form(token + "=")),
		"not a token":                  g.post(form("hello")),
		"claims null":                  g.post(form(parts[0] + ".bnVsbA." + parts[2])),
		"header null":                  g.post(form("bnVsbA." + parts[1] + "." + parts[2])),
	} {
		if r.status != http.StatusBadRequest || r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodHead} {
		r := b.do(method, browser.Base+"/logout/backchannel?logout_token="+token, nil)
		if r.status != http.StatusMethodNotAllowed || r.header.Get("Allow") != "POST" {
			t.Errorf("1 %s: %d", method, r.status)
		}
	}
	// An ID token is no logout token, and the other way round (rule 7).
	if r := g.logout(g.idp.Sign(map[string]any{
		"iss": g.idp.URL, "aud": oidctest.Client, "sub": "s-1", "sid": "sid-1", "nonce": "n", "iat": g.clock.Now().Unix(),
		"exp": g.clock.Now().Add(time.Minute).Unix(), "jti": "j",
	})); r.status != http.StatusBadRequest {
		t.Errorf("an ID token: %d", r.status)
	}
	if !b.alive() {
		t.Fatal("something of this ended the session")
	}
	if r := g.post(form(token)+"&session_state=x&other=1&other=2", "Cookie", browser.SessionCookie+"=x", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); r.status != http.StatusOK {
		t.Errorf("1, 17: other parameters and headers matter: %d %s", r.status, r.body)
	}
	if b.alive() {
		t.Error("the good token did nothing")
	}
}

// Rule 8: a token is good once. It counts as used when it has been done, not before.
func TestBackChannelReplay(t *testing.T) {
	var mu sync.Mutex
	var counted []string
	g := newGateway(t, func(s *settings) {
		s.signOuts = func(result string) {
			mu.Lock()
			defer mu.Unlock()
			counted = append(counted, result)
		}
	})
	token := g.idp.LogoutToken(map[string]any{"sub": "s-1"})
	if r := g.logout(token); r.status != http.StatusOK {
		t.Fatalf("nobody is signed in, which is no failure (rules 9 to 11): %d %s", r.status, r.body)
	}
	g.clock.Advance(time.Second)
	b := g.signedInAs("s-1", "sid-1", "yes")
	if r := g.logout(token); r.status != http.StatusBadRequest || !strings.Contains(r.body, "jti") || !b.alive() {
		t.Errorf("replayed: %d %s", r.status, r.body)
	}
	g.store.Fail(errors.New("out"))
	fresh := g.idp.LogoutToken(map[string]any{"sub": "s-1"})
	r := g.logout(fresh)
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" || r.header.Get("Cache-Control") != "no-store" {
		t.Errorf("A82: with the store away: %d", r.status)
	}
	g.store.Fail(nil)
	if r := g.logout(fresh); r.status != http.StatusOK || b.alive() {
		t.Errorf("tried again: %d %s", r.status, r.body)
	}
	// Remembered for as long as it is good.
	g.clock.Advance(2*time.Minute + 30*time.Second)
	if r := g.logout(fresh); r.status != http.StatusBadRequest || !strings.Contains(r.body, "jti") {
		t.Errorf("replayed just before its end: %d %s", r.status, r.body)
	}
	if want := []string{SignOutDone, SignOutRefused, SignOutFailed, SignOutDone, SignOutRefused}; !slices.Equal(counted, want) {
		t.Errorf("counted as %v, want %v", counted, want)
	}
	var ok sync.WaitGroup
	results := make([]int, 8)
	both := g.idp.LogoutToken(map[string]any{"sub": "s-1"})
	for i := range results {
		ok.Go(func() { results[i] = g.logout(both).status })
	}
	ok.Wait()
	done := 0
	for _, status := range results {
		if status == http.StatusOK {
			done++
		}
	}
	if done != 1 {
		t.Errorf("eight at once: %v", results)
	}
}
