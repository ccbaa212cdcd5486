package provider

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// token is the token endpoint (RFC 6749, 4.1.3 and 6).
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	if !p.client(w, r) {
		return
	}
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		p.exchange(w, r.PostForm)
	case "refresh_token":
		p.refresh(w, r.PostForm)
	default:
		fail(w, http.StatusBadRequest, "unsupported_grant_type")
	}
}

func (p *Provider) exchange(w http.ResponseWriter, form url.Values) {
	now := p.Now()
	i, first, ok := p.codes.spend(form.Get("code"), now)
	if ok && !first {
		// Another party had the code too: the tokens issued for it end as well (RFC 6749, 4.1.2).
		if err := p.State.revokeSID(i.sid); err != nil {
			fail(w, http.StatusInternalServerError, "server_error")
			return
		}
	}
	if !ok || !first || form.Get("redirect_uri") != i.redirectURI || !verifies(form.Get("code_verifier"), i.challenge) {
		fail(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	g := grant{Sub: i.sub, SID: i.sid, Scopes: i.scopes, AuthTime: i.authTime}
	refresh := ""
	if slices.Contains(i.scopes, "offline_access") {
		var err error
		if refresh, err = p.State.newGrant(g, now); err != nil {
			fail(w, http.StatusInternalServerError, "server_error")
			return
		}
	}
	p.answer(w, g, i.nonce, refresh, now)
}

func (p *Provider) refresh(w http.ResponseWriter, form url.Values) {
	now := p.Now()
	g, next, err := p.State.rotate(form.Get("refresh_token"), now)
	switch {
	case errors.Is(err, errNoGrant):
		fail(w, http.StatusBadRequest, "invalid_grant")
	case err != nil:
		fail(w, http.StatusInternalServerError, "server_error")
	default:
		// No nonce: a refreshed id_token does not answer an authentication request (OpenID Connect Core 12.2).
		p.answer(w, g, "", next, now)
	}
}

func (p *Provider) answer(w http.ResponseWriter, g grant, nonce, refresh string, now time.Time) {
	person, ok := personBy(g.Sub)
	if !ok {
		fail(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	access, err := p.accessToken(g, now)
	if err != nil {
		fail(w, http.StatusInternalServerError, "server_error")
		return
	}
	id, err := p.idToken(person, g, nonce, access, now)
	if err != nil {
		fail(w, http.StatusInternalServerError, "server_error")
		return
	}
	out := map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(tokenLife.Seconds()),
		"id_token": id, "scope": strings.Join(g.Scopes, " "),
	}
	if refresh != "" {
		out["refresh_token"] = refresh
	}
	writeJSON(w, http.StatusOK, out)
}

// revoke is RFC 7009. Access tokens expire by themselves.
func (p *Provider) revoke(w http.ResponseWriter, r *http.Request) {
	if !p.client(w, r) {
		return
	}
	if err := p.State.revoke(r.PostForm.Get("token")); err != nil {
		fail(w, http.StatusInternalServerError, "server_error")
		return
	}
	w.WriteHeader(http.StatusOK)
}

// client parses the form and authenticates its sender, by HTTP Basic or in the form, never both (RFC 6749, 2.3). If it
// returns false it has answered the request.
func (p *Provider) client(w http.ResponseWriter, r *http.Request) bool {
	if err := r.ParseForm(); err != nil {
		fail(w, http.StatusBadRequest, "invalid_request")
		return false
	}
	if _, twice := repeated(r.PostForm); twice {
		fail(w, http.StatusBadRequest, "invalid_request")
		return false
	}
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, pass, ok := r.BasicAuth(); ok {
		if r.PostForm.Has("client_secret") {
			fail(w, http.StatusBadRequest, "invalid_request")
			return false
		}
		// Both parts are form-encoded in Basic (RFC 6749, 2.3.1); a value that is not is invalid.
		var err1, err2 error
		id, err1 = url.QueryUnescape(user)
		secret, err2 = url.QueryUnescape(pass)
		if err1 != nil || err2 != nil {
			id, secret = "", ""
		}
	}
	if id != p.ClientID || subtle.ConstantTimeCompare(hash(secret), hash(p.ClientSecret)) != 1 {
		w.Header().Set("WWW-Authenticate", `Basic realm="latchkey demo"`)
		fail(w, http.StatusUnauthorized, "invalid_client")
		return false
	}
	return true
}

// verifies checks a PKCE verifier against its challenge (RFC 7636, 4.6).
func verifies(verifier, challenge string) bool {
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	got := base64.RawURLEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(got), []byte(challenge)) == 1
}

func fail(w http.ResponseWriter, status int, code string) {
	writeJSON(w, status, map[string]string{"error": code})
}
