package signin

import (
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// answering is how a provider answers in a row. Each part may be nil.
type answering struct {
	// before is how it is while people sign in.
	before func(*oidctest.IDP)
	// then is what it answers from then on.
	then func(*oidctest.IDP)
	// unreachable: there is nothing to connect to at the token endpoint.
	unreachable bool
	// noAnswer: it is waited for until the client gives up.
	noAnswer bool
}

func says(status int, header http.Header, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		maps.Copy(w.Header(), header)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func at(path string, h http.HandlerFunc) func(*oidctest.IDP) {
	return func(p *oidctest.IDP) { p.Instead[path] = h }
}

var jsonType, htmlType = http.Header{"Content-Type": {"application/json"}}, http.Header{"Content-Type": {"text/html"}}

// refusing is a provider that refuses with 400 and this.
func refusing400(body map[string]any) answering {
	return answering{then: func(p *oidctest.IDP) { p.TokenFail = body }}
}

// tokens is a provider that gives another refresh token, these claims over the usual ones and this over the usual answer.
func tokensOf(claims, body map[string]any) answering {
	return answering{then: func(p *oidctest.IDP) {
		p.Claims = map[string]any{"nonce": nil, "preferred_username": "grace"}
		maps.Copy(p.Claims, claims)
		p.TokenBody = map[string]any{"refresh_token": "refresh-2"}
		maps.Copy(p.TokenBody, body)
	}}
}

// both is one after the other.
func (a answering) and(more func(*oidctest.IDP)) answering {
	then := a.then
	a.then = func(p *oidctest.IDP) { then(p); more(p) }
	return a
}

func (a answering) first(before func(*oidctest.IDP)) answering { a.before = before; return a }

const challengeValue = `{"access_token":{"capolids":{"essential":true,"values":["c-1"]}}}`

func cutConnection(w http.ResponseWriter, _ *http.Request) {
	if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
		_ = conn.Close()
	}
}

func waitForClient(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // else the server does not notice that the client goes
	<-r.Context().Done()
}

func userInfoSays(claims map[string]any) func(*oidctest.IDP) {
	return func(p *oidctest.IDP) { p.UserInfo = claims }
}

// renewalAnswers are the scenarios of the tables on renewals.
func renewalAnswers() map[string]answering {
	no := map[string]any{"id_token": nil}
	lacking := userInfoSays(map[string]any{"sub": "s-1", "email": "ada@example.com"})
	withGroups := userInfoSays(map[string]any{"sub": "s-1", "preferred_username": "grace", "groups": []string{"new"}})
	// The first ID token lacks the name, so that userinfo is asked at sign-in.
	asked := func(p *oidctest.IDP) {
		p.Claims = map[string]any{"preferred_username": nil, "groups": nil}
		p.UserInfo = map[string]any{"sub": "s-1", "preferred_username": "ada", "groups": []string{"staff"}}
	}
	refusesUserInfo := at("/userinfo", says(401, nil, ""))
	all := map[string]answering{
		"an ID token with the claims":                                    tokensOf(nil, nil),
		"no new refresh token":                                           tokensOf(nil, map[string]any{"refresh_token": nil}),
		"`expires_in` as a text or a fraction":                           tokensOf(nil, map[string]any{"expires_in": 3600.5}),
		"an ID token without groups, where the first had them":           tokensOf(map[string]any{"groups": nil}, nil),
		"no ID token; userinfo states the groups":                        tokensOf(nil, no).and(withGroups).first(lacking),
		"no ID token; userinfo lacks the groups that it had":             tokensOf(nil, no).and(lacking).first(asked),
		"no ID token; userinfo never stated groups":                      tokensOf(nil, no).first(lacking),
		"no ID token; no userinfo":                                       tokensOf(nil, no),
		"no ID token; userinfo refuses, as it always did":                tokensOf(nil, no).and(refusesUserInfo).first(lacking),
		"no ID token; userinfo refuses, and answered before":             tokensOf(nil, no).and(refusesUserInfo).first(asked),
		"no ID token; userinfo answers 503":                              tokensOf(nil, no).and(at("/userinfo", says(503, nil, ""))).first(lacking),
		"no ID token; userinfo is about another sub":                     tokensOf(nil, no).and(userInfoSays(map[string]any{"sub": "s-2", "groups": []string{"root"}})).first(lacking),
		"no ID token; userinfo is HTML":                                  tokensOf(nil, no).and(at("/userinfo", says(200, htmlType, "<p>hello"))).first(lacking),
		"an ID token of another sub":                                     tokensOf(map[string]any{"sub": "s-2"}, nil),
		"an ID token of another iss":                                     tokensOf(map[string]any{"iss": "https://evil.example"}, nil),
		"an ID token of another aud":                                     tokensOf(map[string]any{"aud": "wiki"}, nil),
		"an ID token with a bad signature":                               tokensOf(nil, nil).and(func(p *oidctest.IDP) { p.TokenBody["id_token"] = oidctest.Forged(p, "ES256") }),
		"an ID token with an unknown kid":                                tokensOf(nil, nil).and(func(p *oidctest.IDP) { signedByStranger(p) }),
		"an ID token, and no key set to be had":                          tokensOf(nil, nil).and(func(p *oidctest.IDP) { signedByStranger(p); p.Broken["/keys"] = true }),
		"an ID token without exp":                                        tokensOf(map[string]any{"exp": nil}, nil),
		"an ID token without sub":                                        tokensOf(map[string]any{"sub": nil}, nil),
		"an ID token that has expired":                                   tokensOf(map[string]any{"exp": 1000}, nil),
		"an ID token with another at_hash":                               tokensOf(map[string]any{"at_hash": oidctest.AccessTokenHash("x")}, nil),
		"an ID token that is a logout token":                             tokensOf(map[string]any{"events": map[string]any{}}, nil),
		"an ID token that is no token":                                   tokensOf(nil, map[string]any{"id_token": "token"}),
		"another token_type":                                             tokensOf(nil, map[string]any{"token_type": "DPoP"}),
		"no access token":                                                tokensOf(nil, map[string]any{"access_token": nil}),
		"`invalid_grant` with a claims challenge":                        refusing400(map[string]any{"error": "invalid_grant", "error_codes": []int{50076}, "claims": challengeValue}),
		"`interaction_required` with a claims challenge":                 refusing400(map[string]any{"error": "interaction_required", "error_codes": []int{50076}, "claims": challengeValue}),
		"`invalid_grant` with a claims challenge that is no JSON object": refusing400(map[string]any{"error": "invalid_grant", "claims": `["a"]`}),
		"`invalid_grant` with error code 70043":                          refusing400(map[string]any{"error": "invalid_grant", "error_codes": []int{70043}}),
		"`invalid_grant` with status 200":                                {then: at("/token", says(200, jsonType, `{"error":"invalid_grant"}`))},
		"any other word":                                                 refusing400(map[string]any{"error": "token_is_sad"}),
		"400 without a body":                                             {then: at("/token", says(400, nil, ""))},
		"401 without a body":                                             {then: at("/token", says(401, nil, ""))},
		"403 with HTML":                                                  {then: at("/token", says(403, htmlType, "<title>no</title>"))},
		"400 with JSON without an error word":                            {then: at("/token", says(400, jsonType, `{"message":"no"}`))},
		"400 with an error word of odd characters":                       {then: at("/token", says(400, jsonType, `{"error":"invalid grant\n"}`))},
		"200 with HTML":                                                  {then: at("/token", says(200, htmlType, "<title>sign in</title>"))},
		"200 without a body":                                             {then: at("/token", says(200, nil, ""))},
		"200 with JSON without a token":                                  {then: at("/token", says(200, jsonType, `{"expires_in":3600}`))},
		"200 of over 1 MB":                                               {then: at("/token", says(200, jsonType, `{"access_token":"`+strings.Repeat("a", 1<<20)+`"}`))},
		"a redirect":                                                     {then: func(p *oidctest.IDP) { p.Redirecting["/token"] = true }},
		"429 without `Retry-After`":                                      {then: at("/token", says(429, nil, ""))},
		"429 with `Retry-After`":                                         {then: at("/token", says(429, http.Header{"Retry-After": {"120"}}, ""))},
		"500":                                                            {then: at("/token", says(500, nil, ""))},
		"500 with `invalid_grant`":                                       {then: at("/token", says(500, jsonType, `{"error":"invalid_grant"}`))},
		"503 without `Retry-After`":                                      {then: at("/token", says(503, nil, ""))},
		"503 with `Retry-After`":                                         {then: at("/token", says(503, http.Header{"Retry-After": {"120"}}, ""))},
		"no answer in time":                                              {then: at("/token", waitForClient), noAnswer: true},
		"the connection is cut after the request was sent":               {then: at("/token", cutConnection)},
		"nothing to connect to":                                          {unreachable: true},
	}
	for _, word := range []string{
		"invalid_grant", "interaction_required", "login_required", "consent_required", "account_selection_required",
		"unmet_authentication_requirements", "insufficient_user_authentication", "invalid_request", "unauthorized_client",
		"invalid_scope", "access_denied", "invalid_token", "invalid_target", "unsupported_response_type",
		"invalid_request_uri", "invalid_request_object", "request_not_supported", "request_uri_not_supported",
		"registration_not_supported", "invalid_client", "unsupported_grant_type", "use_dpop_nonce", "server_error",
		"temporarily_unavailable", "slow_down",
	} {
		all["`"+word+"`"] = refusing400(map[string]any{"error": word, "error_description": "no\nway"})
	}
	for _, suberror := range []string{
		"basic_action", "additional_action", "message_only", "consent_required", "bad_token", "token_expired",
		"user_password_expired", "client_mismatch", "device_authentication_failed", "protection_policy_required",
	} {
		all["`invalid_grant` with suberror `"+suberror+"`"] = refusing400(map[string]any{"error": "invalid_grant", "suberror": suberror})
	}
	return all
}

// signedByStranger has the provider sign with a key that its key set does not hold.
func signedByStranger(p *oidctest.IDP) {
	claims := map[string]any{"iss": p.URL, "aud": oidctest.Client, "sub": "s-1", "iat": p.Now().Unix(), "exp": p.Now().Add(time.Hour).Unix()}
	stranger := oidctest.NewStranger(p.T, "unknown")
	p.TokenBody["id_token"] = stranger.Sign(claims)
}
