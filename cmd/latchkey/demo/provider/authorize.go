package provider

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// authError is sent to the client through the browser (RFC 6749, 4.1.2.1; OpenID Connect Core 3.1.2.6).
type authError struct{ code, description string }

func (e *authError) Error() string { return e.code + ": " + e.description }

// errNotOurs is for a request whose client or redirect address is not registered: an answer by a redirect would make
// this an open redirector.
var errNotOurs = errors.New("this sign-in request does not come from a client that this provider knows")

// authorize shows the users who can sign in. The provider keeps no session, so prompt=login, max_age and select_account
// are always satisfied, and prompt=none never succeeds.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p.problem(w, http.StatusBadRequest, "The sign-in request could not be read.")
		return
	}
	q, err := p.check(r.Form)
	if err != nil {
		p.refuse(w, r, q, err)
		return
	}
	prompts := strings.Fields(q.Get("prompt"))
	if slices.Contains(prompts, "none") {
		p.refuse(w, r, q, &authError{"login_required", "this provider always asks who signs in"})
		return
	}
	look.Write(w, http.StatusOK, "pick.html", map[string]any{
		"People": People, "Request": q.Encode(), "Again": slices.Contains(prompts, "login") || q.Has("max_age"),
	})
}

// pick handles the answer to the page of authorize.
func (p *Provider) pick(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p.problem(w, http.StatusBadRequest, "The answer could not be read.")
		return
	}
	// The page contains the request; it is checked again like a new one.
	carried, err := url.ParseQuery(r.PostForm.Get("request"))
	if err != nil {
		p.problem(w, http.StatusBadRequest, "The answer could not be read.")
		return
	}
	q, err := p.check(carried)
	if err != nil {
		p.refuse(w, r, q, err)
		return
	}
	if r.PostForm.Get("person") == "" {
		p.refuse(w, r, q, &authError{"access_denied", "the sign-in was cancelled"})
		return
	}
	person, ok := personBy(r.PostForm.Get("person"))
	if !ok {
		p.problem(w, http.StatusBadRequest, "No user of that name can sign in here.")
		return
	}
	now := p.Now()
	code, err := p.codes.add(issued{
		redirectURI: q.Get("redirect_uri"), challenge: q.Get("code_challenge"), nonce: q.Get("nonce"),
		scopes: grantedScopes(q.Get("scope")), sub: person.Sub, sid: random(), authTime: now,
	}, now)
	if err != nil {
		p.refuse(w, r, q, &authError{"temporarily_unavailable", err.Error()})
		return
	}
	p.redirect(w, r, q, url.Values{"code": {code}})
}

// check returns the relevant parameters of an authorization request. With any error except errNotOurs they contain the
// redirect address and state for the answer.
func (p *Provider) check(in url.Values) (url.Values, error) {
	if _, twice := repeated(in); twice {
		return nil, errNotOurs
	}
	if in.Get("client_id") != p.ClientID || !slices.Contains(p.RedirectURIs, in.Get("redirect_uri")) {
		return nil, errNotOurs
	}
	q := url.Values{}
	for _, name := range []string{
		"client_id", "redirect_uri", "response_type", "scope", "state", "nonce",
		"code_challenge", "code_challenge_method", "prompt", "max_age",
	} {
		if in.Has(name) {
			q.Set(name, in.Get(name))
		}
	}
	prompts := strings.Fields(q.Get("prompt"))
	maxAge, maxAgeErr := strconv.Atoi(q.Get("max_age"))
	switch {
	case in.Has("request"):
		return q, &authError{"request_not_supported", "request objects are not supported"}
	case in.Has("request_uri"):
		return q, &authError{"request_uri_not_supported", "request objects are not supported"}
	case q.Get("response_type") != "code":
		return q, &authError{"unsupported_response_type", "response_type must be code"}
	case in.Has("response_mode") && in.Get("response_mode") != "query":
		return q, &authError{"invalid_request", "response_mode must be query"}
	case !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		return q, &authError{"invalid_scope", "scope must contain openid"}
	case q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43:
		return q, &authError{"invalid_request", "a code_challenge with the method S256 is required"}
	case slices.Contains(prompts, "none") && len(prompts) > 1:
		return q, &authError{"invalid_request", "prompt none excludes every other"}
	case q.Has("max_age") && (maxAgeErr != nil || maxAge < 0):
		return q, &authError{"invalid_request", "max_age must be a number of seconds"}
	}
	return q, nil
}

// refuse answers with err: to the client if that is safe, otherwise on a page.
func (p *Provider) refuse(w http.ResponseWriter, r *http.Request, q url.Values, err error) {
	var ae *authError
	if !errors.As(err, &ae) {
		p.problem(w, http.StatusBadRequest, "This sign-in request does not come from a client that this provider knows, "+
			"or names an address to return to that is not registered for it.")
		return
	}
	p.redirect(w, r, q, url.Values{"error": {ae.code}, "error_description": {ae.description}})
}

// redirect answers the authorization request q, with state and iss (RFC 9207).
func (p *Provider) redirect(w http.ResponseWriter, r *http.Request, q, answer url.Values) {
	if q.Has("state") {
		answer.Set("state", q.Get("state"))
	}
	answer.Set("iss", p.Issuer)
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+answer.Encode(), http.StatusSeeOther)
}
