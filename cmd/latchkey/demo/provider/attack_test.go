package provider

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

func TestAuthorizeRefuses(t *testing.T) {
	r := newRig(t, stateFile(t))
	set := func(name, value string) func(url.Values) { return func(q url.Values) { q.Set(name, value) } }
	tests := []struct {
		name string
		edit func(url.Values)
		want string // error code at the client; "" is a page here and no redirect
	}{
		{"unknown client", set("client_id", "other"), ""},
		{"no client", func(q url.Values) { q.Del("client_id") }, ""},
		{"redirect to elsewhere", set("redirect_uri", "https://evil.example/"), ""},
		{"redirect address with a suffix", set("redirect_uri", redirectURI+"/x"), ""},
		{"redirect address with a query", set("redirect_uri", redirectURI+"?x=1"), ""},
		{"redirect address in capitals", set("redirect_uri", strings.ToUpper(redirectURI)), ""},
		{"redirect address with user info", set("redirect_uri", "http://localhost:8080@evil.example/.latchkey/callback"), ""},
		{"no redirect address", func(q url.Values) { q.Del("redirect_uri") }, ""},
		{"two redirect addresses", func(q url.Values) { q.Add("redirect_uri", "https://evil.example/") }, ""},
		{"two states", func(q url.Values) { q.Add("state", "x") }, ""},
		{"implicit flow", set("response_type", "id_token"), "unsupported_response_type"},
		{"fragment", set("response_mode", "fragment"), "invalid_request"},
		{"no openid", set("scope", "profile"), "invalid_scope"},
		{"no PKCE", func(q url.Values) { q.Del("code_challenge"); q.Del("code_challenge_method") }, "invalid_request"},
		{"plain PKCE", set("code_challenge_method", "plain"), "invalid_request"},
		{"PKCE without method", func(q url.Values) { q.Del("code_challenge_method") }, "invalid_request"},
		{"short challenge", set("code_challenge", "abc"), "invalid_request"},
		{"request object", set("request", "eyJhbGciOiJub25lIn0.e30."), "request_not_supported"},
		{"request by reference", set("request_uri", "http://169.254.169.254/"), "request_uri_not_supported"},
		{"none and login", set("prompt", "none login"), "invalid_request"},
		{"none", set("prompt", "none"), "login_required"},
		{"negative max_age", set("max_age", "-1"), "invalid_request"},
		{"max_age in words", set("max_age", "soon"), "invalid_request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target := r.authURL(oauth2.GenerateVerifier(), tt.edit)
			_, query, _ := strings.Cut(target, "?")
			form, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			get, _ := r.get(target)
			post, _ := r.post("/authorize", form, nil)
			answers := []*http.Response{get, post}
			// The page's own answer is checked as strictly: what it carries may have been edited.
			if tt.want != "login_required" {
				picked, _ := r.post("/pick", url.Values{"request": {query}, "person": {People[0].Sub}}, nil)
				answers = append(answers, picked)
			}
			for i, resp := range answers {
				if tt.want == "" {
					if resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Location") != "" {
						t.Errorf("answer %d: %s to %q", i, resp.Status, resp.Header.Get("Location"))
					}
					continue
				}
				if q := r.location(resp); q.Get("error") != tt.want || q.Has("code") || q.Get("iss") != r.issuer || q.Get("state") != "the state" {
					t.Errorf("answer %d: %v, want %s", i, q, tt.want)
				}
			}
		})
	}
}

func TestPickRefuses(t *testing.T) {
	r := newRig(t, stateFile(t))
	_, query, _ := strings.Cut(r.authURL(oauth2.GenerateVerifier(), nil), "?")
	good := url.Values{"request": {query}, "person": {People[0].Sub}}
	header := func(name, value string) func(*http.Request) {
		return func(req *http.Request) { req.Header.Set(name, value) }
	}
	for _, tt := range []struct {
		name   string
		form   url.Values
		edit   func(*http.Request)
		status int
	}{
		{"from another site", good, header("Sec-Fetch-Site", "cross-site"), http.StatusForbidden},
		{"from another port", good, header("Sec-Fetch-Site", "same-site"), http.StatusForbidden},
		{"from another origin, older browser", good, header("Origin", "https://evil.example"), http.StatusForbidden},
		{"from nowhere", good, header("Origin", "null"), http.StatusForbidden},
		{"nobody we know", url.Values{"request": {query}, "person": {"root"}}, nil, http.StatusBadRequest},
		{"no request", url.Values{"person": {People[0].Sub}}, nil, http.StatusBadRequest},
		{"request that does not parse", url.Values{"request": {"%zz"}, "person": {People[0].Sub}}, nil, http.StatusBadRequest},
		{"too large", url.Values{"request": {strings.Repeat("a", maxBody)}}, nil, http.StatusBadRequest},
		{"another host name", good, func(req *http.Request) { req.Host = "evil.example" }, http.StatusMisdirectedRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if resp, _ := r.post("/pick", tt.form, tt.edit); resp.StatusCode != tt.status || resp.Header.Get("Location") != "" {
				t.Errorf("%s to %q, want %d", resp.Status, resp.Header.Get("Location"), tt.status)
			}
		})
	}
	cancelled, _ := r.post("/pick", url.Values{"request": {query}, "person": {""}}, nil)
	if got := r.location(cancelled).Get("error"); got != "access_denied" {
		t.Errorf("cancel: %q", got)
	}
	if resp, _ := r.get(r.issuer + "/pick?" + good.Encode()); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET picks: %s", resp.Status)
	}
}

func TestTokenRefuses(t *testing.T) {
	r := newRig(t, stateFile(t))
	verifier := oauth2.GenerateVerifier()
	tests := []struct {
		name string
		form func(url.Values)
		req  func(*http.Request)
		want string
	}{
		{"wrong verifier", func(f url.Values) { f.Set("code_verifier", oauth2.GenerateVerifier()) }, nil, "invalid_grant"},
		{"no verifier", func(f url.Values) { f.Del("code_verifier") }, nil, "invalid_grant"},
		{"the challenge as verifier", func(f url.Values) { f.Set("code_verifier", oauth2.S256ChallengeFromVerifier(verifier)) }, nil, "invalid_grant"},
		{"overlong verifier", func(f url.Values) { f.Set("code_verifier", strings.Repeat("a", 129)) }, nil, "invalid_grant"},
		{"another redirect address", func(f url.Values) { f.Set("redirect_uri", redirectURI+"/") }, nil, "invalid_grant"},
		{"no redirect address", func(f url.Values) { f.Del("redirect_uri") }, nil, "invalid_grant"},
		{"invented code", func(f url.Values) { f.Set("code", "abc") }, nil, "invalid_grant"},
		{"no code", func(f url.Values) { f.Del("code") }, nil, "invalid_grant"},
		{"two codes", func(f url.Values) { f.Add("code", "abc") }, nil, "invalid_request"},
		{"password grant", func(f url.Values) { f.Set("grant_type", "password") }, nil, "unsupported_grant_type"},
		{"no grant type", func(f url.Values) { f.Del("grant_type") }, nil, "unsupported_grant_type"},
		{"wrong secret", nil, func(q *http.Request) { q.SetBasicAuth("client", "guess") }, "invalid_client"},
		{"empty secret", nil, func(q *http.Request) { q.SetBasicAuth("client", "") }, "invalid_client"},
		{"unknown client", nil, func(q *http.Request) { q.SetBasicAuth("other", url.QueryEscape("s3cret +%&")) }, "invalid_client"},
		{"broken encoding", nil, func(q *http.Request) { q.SetBasicAuth("%zz", "%zz") }, "invalid_client"},
		{"no client", nil, func(q *http.Request) { q.Header.Del("Authorization") }, "invalid_client"},
		{"secret twice", func(f url.Values) { f.Set("client_secret", "s3cret +%&") }, nil, "invalid_request"},
		{"too large", func(f url.Values) { f.Set("x", strings.Repeat("a", maxBody)) }, nil, "invalid_request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			form := url.Values{
				"grant_type": {"authorization_code"}, "redirect_uri": {redirectURI}, "code_verifier": {verifier},
				"code": {r.code(People[0], verifier).Get("code")},
			}
			if tt.form != nil {
				tt.form(form)
			}
			_, body := r.post("/token", form, func(q *http.Request) {
				r.authenticate(q)
				if tt.req != nil {
					tt.req(q)
				}
			})
			if got := errorCode(t, body); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
	// Parameters in the address of a token request end up in logs; they do not count.
	q := url.Values{"grant_type": {"authorization_code"}, "code": {r.code(People[0], verifier).Get("code")}}
	if _, body := r.post("/token?"+q.Encode(), nil, r.authenticate); errorCode(t, body) != "unsupported_grant_type" {
		t.Errorf("query counted: %s", body)
	}
}

func TestCodeIsSpentOnce(t *testing.T) {
	r := newRig(t, stateFile(t))
	verifier := oauth2.GenerateVerifier()
	form := func(code string) url.Values {
		return url.Values{
			"grant_type": {"authorization_code"}, "redirect_uri": {redirectURI}, "code_verifier": {verifier}, "code": {code},
		}
	}
	t.Run("replay ends what the first use gave", func(t *testing.T) {
		code := r.code(People[0], verifier).Get("code")
		tok, err := r.oauth.Exchange(t.Context(), code, oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatal(err)
		}
		if _, body := r.post("/token", form(code), r.authenticate); errorCode(t, body) != "invalid_grant" {
			t.Errorf("replay: %s", body)
		}
		if got := r.refresh(tok.RefreshToken); got != "invalid_grant" {
			t.Errorf("refresh after a replay: %q", got)
		}
	})
	t.Run("a wrong try spends it", func(t *testing.T) {
		code := r.code(People[0], verifier).Get("code")
		bad := form(code)
		bad.Set("code_verifier", oauth2.GenerateVerifier())
		r.post("/token", bad, r.authenticate)
		if _, body := r.post("/token", form(code), r.authenticate); errorCode(t, body) != "invalid_grant" {
			t.Errorf("second try: %s", body)
		}
	})
	t.Run("a stranger cannot spend it", func(t *testing.T) {
		code := r.code(People[0], verifier).Get("code")
		r.post("/token", form(code), nil)
		if _, body := r.post("/token", form(code), r.authenticate); errorCode(t, body) != "" {
			t.Errorf("the client's own try: %s", body)
		}
	})
	t.Run("it expires", func(t *testing.T) {
		code := r.code(People[0], verifier).Get("code")
		r.clock.Add(int64(codeLife / time.Second))
		if _, body := r.post("/token", form(code), r.authenticate); errorCode(t, body) != "invalid_grant" {
			t.Errorf("a minute later: %s", body)
		}
	})
}

func TestRefreshTokens(t *testing.T) {
	r := newRig(t, stateFile(t))
	next := func(token string) *oauth2.Token {
		t.Helper()
		tok, err := r.oauth.TokenSource(t.Context(), &oauth2.Token{RefreshToken: token}).Token()
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	t.Run("an old one ends the family", func(t *testing.T) {
		first := r.signIn(People[0]).RefreshToken
		second := next(first).RefreshToken
		for _, token := range []string{first, second} {
			if got := r.refresh(token); got != "invalid_grant" {
				t.Errorf("%q", got)
			}
		}
	})
	t.Run("revoked by any of its tokens", func(t *testing.T) {
		first := r.signIn(People[0]).RefreshToken
		second := next(first).RefreshToken
		if resp, _ := r.post("/revoke", url.Values{"token": {first}}, nil); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("a stranger revokes: %s", resp.Status)
		}
		for range 2 { // the second time it is unknown, which is no error
			if resp, body := r.post("/revoke", url.Values{"token": {first}}, r.authenticate); resp.StatusCode != http.StatusOK {
				t.Errorf("revoke: %s %s", resp.Status, body)
			}
		}
		if got := r.refresh(second); got != "invalid_grant" {
			t.Errorf("after revoking: %q", got)
		}
	})
	t.Run("ends unused", func(t *testing.T) {
		token := r.signIn(People[0]).RefreshToken
		r.clock.Add(int64(grantLife / time.Second))
		if got := r.refresh(token); got != "invalid_grant" {
			t.Errorf("after %s: %q", grantLife, got)
		}
	})
	t.Run("only when asked for", func(t *testing.T) {
		r.oauth.Scopes = []string{"openid"}
		if tok := r.signIn(People[0]); tok.RefreshToken != "" {
			t.Error("a refresh token without offline_access")
		} else if c := claimsOf(t, tok); c["email"] != nil || c["name"] != nil || c["groups"] != nil {
			t.Errorf("claims that no scope asked for: %v", c)
		}
	})
	for _, token := range []string{"", ".", "a.b", "\x00"} {
		if got := r.refresh(token); got != "invalid_grant" {
			t.Errorf("%q: %q", token, got)
		}
	}
}

func TestUserinfoRefuses(t *testing.T) {
	r := newRig(t, stateFile(t))
	tok := r.signIn(People[0])
	access := tok.AccessToken
	parts := strings.Split(access, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`))
	for name, header := range map[string]string{
		"nothing":           "",
		"no scheme":         access,
		"basic":             "Basic " + access,
		"alg none":          "Bearer " + none + "." + parts[1] + ".",
		"no signature":      "Bearer " + parts[0] + "." + parts[1] + ".",
		"id_token":          "Bearer " + tok.Extra("id_token").(string),
		"refresh token":     "Bearer " + tok.RefreshToken,
		"other payload":     "Bearer " + parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"x"}`)) + "." + parts[2],
		"trailing":          "Bearer " + access + ".x",
		"signed by a guess": "Bearer " + hmacToken(parts[1]),
	} {
		if status := r.userinfoStatus(header); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, status)
		}
	}
	if status := r.userinfoStatus("Bearer " + access); status != http.StatusOK {
		t.Errorf("the access token itself: %d", status)
	}
	r.clock.Add(int64(tokenLife/time.Second) + 1)
	if status := r.userinfoStatus("Bearer " + access); status != http.StatusUnauthorized {
		t.Errorf("an expired one: %d", status)
	}
}

func (r *rig) userinfoStatus(authorization string) int {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodGet, r.issuer+"/userinfo", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", authorization)
	resp, _ := r.do(req)
	return resp.StatusCode
}

// hmacToken claims HS256, as if the public key were a shared secret.
func hmacToken(payload string) string {
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"at+jwt"}`))
	return head + "." + payload + "." + encode(hash(head+"."+payload))
}

func TestSignOutRefuses(t *testing.T) {
	r := newRig(t, stateFile(t))
	tok := r.signIn(People[0])
	id := tok.Extra("id_token").(string)
	parts := strings.Split(id, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	for _, tt := range []struct {
		name, hint, back string
		status           int
	}{
		{"address elsewhere", id, "https://evil.example/", http.StatusBadRequest},
		{"address with a suffix", id, "http://localhost:8080/.latchkey/signed-out?x", http.StatusBadRequest},
		{"alg none", none + "." + parts[1] + ".", "http://localhost:8080/.latchkey/signed-out", http.StatusBadRequest},
		{"access token as hint", tok.AccessToken, "http://localhost:8080/.latchkey/signed-out", http.StatusBadRequest},
		{"empty hint", "", "http://localhost:8080/.latchkey/signed-out", http.StatusBadRequest},
	} {
		q := url.Values{"id_token_hint": {tt.hint}, "post_logout_redirect_uri": {tt.back}}
		resp, _ := r.get(r.issuer + "/end_session?" + q.Encode())
		if resp.StatusCode != tt.status || resp.Header.Get("Location") != "" {
			t.Errorf("%s: %s to %q", tt.name, resp.Status, resp.Header.Get("Location"))
		}
	}
	// Without a hint any page may have sent the visitor here: no redirect, and nothing ends.
	q := url.Values{"post_logout_redirect_uri": {"http://localhost:8080/.latchkey/signed-out"}}
	if resp, _ := r.get(r.issuer + "/end_session?" + q.Encode()); resp.StatusCode != http.StatusOK {
		t.Errorf("no hint: %s", resp.Status)
	}
	if got := r.refresh(tok.RefreshToken); got != "" {
		t.Errorf("a refused sign-out ended the sign-in: %s", got)
	}
}
