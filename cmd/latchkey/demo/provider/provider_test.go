package provider

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const redirectURI = "http://localhost:8080/.latchkey/callback"

// rig is a provider on a real port with a relying party's libraries pointed at it.
type rig struct {
	t      *testing.T
	p      *Provider
	issuer string
	client *http.Client // follows no redirect
	clock  atomic.Int64 // seconds that have passed
	oauth  oauth2.Config
	oidc   *oidc.Provider
}

func (r *rig) now() time.Time { return time.Now().Add(time.Duration(r.clock.Load()) * time.Second) }

func newRig(t *testing.T, statePath string) *rig {
	t.Helper()
	state, err := OpenState(statePath)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.p.ServeHTTP(w, req) }))
	t.Cleanup(func() { srv.Close(); state.Close() })
	r.issuer = srv.URL
	r.p, err = New(Config{
		Issuer: srv.URL, ClientID: "client", ClientSecret: "s3cret +%&", State: state, Now: r.now,
		RedirectURIs: []string{redirectURI}, PostLogoutURIs: []string{"http://localhost:8080/.latchkey/signed-out"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.oidc, err = oidc.NewProvider(t.Context(), srv.URL); err != nil {
		t.Fatal(err)
	}
	r.oauth = oauth2.Config{
		ClientID: "client", ClientSecret: "s3cret +%&", RedirectURL: redirectURI, Endpoint: r.oidc.Endpoint(),
		Scopes: []string{"openid", "profile", "email", "offline_access", "unheard-of"},
	}
	return r
}

// authURL is a good authorization request; edit changes it.
func (r *rig) authURL(verifier string, edit func(url.Values)) string {
	u, err := url.Parse(r.oauth.AuthCodeURL("the state", oidc.Nonce("the nonce"), oauth2.S256ChallengeOption(verifier)))
	if err != nil {
		r.t.Fatal(err)
	}
	q := u.Query()
	if edit != nil {
		edit(q)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

func (r *rig) do(req *http.Request) (*http.Response, string) {
	r.t.Helper()
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, string(body)
}

func (r *rig) get(target string) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.do(req)
}

func (r *rig) post(path string, form url.Values, edit func(*http.Request)) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodPost, r.issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if edit != nil {
		edit(req)
	}
	return r.do(req)
}

var requestField = regexp.MustCompile(`name="request" value="([^"]*)"`)

// code signs person in as a browser does and returns the answer's parameters.
func (r *rig) code(person Person, verifier string) url.Values {
	r.t.Helper()
	resp, page := r.get(r.authURL(verifier, nil))
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("authorize: %s: %s", resp.Status, page)
	}
	m := requestField.FindStringSubmatch(page)
	if m == nil {
		r.t.Fatalf("no request in the page:\n%s", page)
	}
	request := strings.ReplaceAll(strings.ReplaceAll(m[1], "&amp;", "&"), "&#43;", "+")
	resp, page = r.post("/pick", url.Values{"request": {request}, "person": {person.Sub}}, nil)
	if resp.StatusCode != http.StatusSeeOther {
		r.t.Fatalf("pick: %s: %s", resp.Status, page)
	}
	return r.location(resp)
}

func (r *rig) location(resp *http.Response) url.Values {
	r.t.Helper()
	u, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || u.Scheme+"://"+u.Host+u.Path != redirectURI {
		r.t.Fatalf("Location %q is not the redirect address", resp.Header.Get("Location"))
	}
	return u.Query()
}

func (r *rig) signIn(person Person) *oauth2.Token {
	r.t.Helper()
	v := oauth2.GenerateVerifier()
	tok, err := r.oauth.Exchange(r.t.Context(), r.code(person, v).Get("code"), oauth2.VerifierOption(v))
	if err != nil {
		r.t.Fatal(err)
	}
	return tok
}

func (r *rig) verify(raw string) *oidc.IDToken {
	r.t.Helper()
	id, err := r.oidc.Verifier(&oidc.Config{ClientID: "client", Now: r.now}).Verify(context.Background(), raw)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

func stateFile(t *testing.T) string { return filepath.Join(t.TempDir(), "provider.db") }

func TestSignsInEachPerson(t *testing.T) {
	r := newRig(t, stateFile(t))
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
		r.oauth.Endpoint.AuthStyle = style
		for _, person := range People {
			v := oauth2.GenerateVerifier()
			answer := r.code(person, v)
			if answer.Get("state") != "the state" || answer.Get("iss") != r.issuer {
				t.Errorf("answer %v lacks state or iss (RFC 9207)", answer)
			}
			tok, err := r.oauth.Exchange(t.Context(), answer.Get("code"), oauth2.VerifierOption(v))
			if err != nil {
				t.Fatal(err)
			}
			id := r.verify(tok.Extra("id_token").(string))
			if id.Subject != person.Sub || id.Nonce != "the nonce" {
				t.Errorf("id_token of %s has sub %q, nonce %q", person.Username, id.Subject, id.Nonce)
			}
			if err := id.VerifyAccessToken(tok.AccessToken); err != nil {
				t.Errorf("at_hash: %v", err)
			}
			var c struct {
				Name     string   `json:"name"`
				Email    string   `json:"email"`
				Username string   `json:"preferred_username"`
				Groups   []string `json:"groups"`
				Acct     int      `json:"acct"`
				AMR      []string `json:"amr"`
				SID      string   `json:"sid"`
				AuthTime int64    `json:"auth_time"`
			}
			if err := id.Claims(&c); err != nil {
				t.Fatal(err)
			}
			if c.Name != person.Name() || c.Email != person.Email || c.Username != person.Username || len(c.Groups) != len(person.Groups) ||
				(c.Acct == 1) != person.Guest || len(c.AMR) != 1 || c.AMR[0] != "pwd" || c.SID == "" || r.now().Unix()-c.AuthTime > 60 {
				t.Errorf("claims of %s: %+v", person.Username, c)
			}
			info, err := r.oidc.UserInfo(t.Context(), oauth2.StaticTokenSource(tok))
			if err != nil || info.Subject != person.Sub || info.Email != person.Email {
				t.Errorf("userinfo: %+v, %v", info, err)
			}
		}
	}
}

func TestAlwaysAsks(t *testing.T) {
	r := newRig(t, stateFile(t))
	r.signIn(People[0])
	for _, prompt := range []string{"", "login", "consent select_account"} {
		resp, page := r.get(r.authURL(oauth2.GenerateVerifier(), func(q url.Values) { q.Set("prompt", prompt) }))
		if resp.StatusCode != http.StatusOK || !strings.Contains(page, "Demo sign-in: no password.") {
			t.Errorf("prompt %q: %s", prompt, resp.Status)
		}
		if len(resp.Cookies()) > 0 {
			t.Errorf("prompt %q: the provider set a cookie", prompt)
		}
		if strings.Contains(page, "again") != (prompt == "login") {
			t.Errorf("prompt %q: wrong wording", prompt)
		}
	}
}

func TestPage(t *testing.T) {
	r := newRig(t, stateFile(t))
	resp, page := r.get(r.authURL(oauth2.GenerateVerifier(), func(q url.Values) { q.Set("state", `"><script>alert(1)</script>`) }))
	csp := resp.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "form-action 'self' http://localhost:8080"} {
		if !strings.Contains(csp, want) {
			t.Errorf("CSP %q lacks %q", csp, want)
		}
	}
	if strings.Contains(page, "<script") {
		t.Error("the state is not escaped")
	}
	for _, p := range People {
		if !strings.Contains(page, p.Name()) {
			t.Errorf("%s is not offered", p.Name())
		}
	}
	if resp, css := r.get(r.issuer + "/style.css"); resp.StatusCode != http.StatusOK || !strings.Contains(css, "focus-visible") {
		t.Errorf("style: %s", resp.Status)
	}
}

func TestKeepsKeyAndRefreshTokensOverRestart(t *testing.T) {
	path := stateFile(t)
	first := newRig(t, path)
	before := first.signIn(People[1])
	if _, err := OpenState(path); !errors.Is(err, ErrInUse) {
		t.Errorf("a second process opened the state: %v", err)
	}
	first.p.State.Close()

	second := newRig(t, path)
	if !bytes.Equal(first.p.jwks, second.p.jwks) {
		t.Error("the signing key changed")
	}
	after, err := second.oauth.TokenSource(t.Context(), &oauth2.Token{RefreshToken: before.RefreshToken}).Token()
	if err != nil {
		t.Fatal(err)
	}
	if after.RefreshToken == before.RefreshToken {
		t.Error("the refresh token was not rotated")
	}
	idBefore, idAfter := claimsOf(t, before), claimsOf(t, after)
	for _, same := range []string{"sub", "sid", "auth_time"} {
		if idBefore[same] != idAfter[same] {
			t.Errorf("%s changed from %v to %v", same, idBefore[same], idAfter[same])
		}
	}
	if _, there := idAfter["nonce"]; there {
		t.Error("a refreshed id_token carries a nonce")
	}
}

func claimsOf(t *testing.T, tok *oauth2.Token) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(tok.Extra("id_token").(string), ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSignOut(t *testing.T) {
	r := newRig(t, stateFile(t))
	tok, other := r.signIn(People[0]), r.signIn(People[0])
	r.clock.Add(3600) // an expired hint is still a hint
	q := url.Values{
		"id_token_hint": {tok.Extra("id_token").(string)}, "state": {"out & back"},
		"post_logout_redirect_uri": {"http://localhost:8080/.latchkey/signed-out"},
	}
	resp, body := r.get(r.issuer + "/end_session?" + q.Encode())
	if want := "http://localhost:8080/.latchkey/signed-out?state=out+%26+back"; resp.Header.Get("Location") != want {
		t.Fatalf("%s to %q: %s", resp.Status, resp.Header.Get("Location"), body)
	}
	if got := r.refresh(tok.RefreshToken); got != "invalid_grant" {
		t.Errorf("refresh after sign-out: %s", got)
	}
	if got := r.refresh(other.RefreshToken); got != "" {
		t.Errorf("another sign-in of the same person ended too: %s", got)
	}
}

// refresh uses a refresh token and returns the error code.
func (r *rig) refresh(token string) string {
	r.t.Helper()
	_, body := r.post("/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}, r.authenticate)
	return errorCode(r.t, body)
}

func (r *rig) authenticate(req *http.Request) {
	req.SetBasicAuth(url.QueryEscape("client"), url.QueryEscape("s3cret +%&"))
}

func errorCode(t *testing.T, body string) string {
	t.Helper()
	var e struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return e.Error
}
