package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

const (
	robotSecret  = "canary-robot-secret-of-sixty-four-characters-xxxxxxxxxxxxxxxxxxxx"
	apiResource  = "https://api.example.test"
	mailResource = "https://mail.example.test"
)

// programSite is a site that accepts access tokens of its provider. robot is a client with credentials of its own, tool is a
// client of users.
func programSite(t testing.TB, c config, bearer string) *site {
	t.Helper()
	idp := c.idp
	c.idp = func(ic *rig.IDPConfig) {
		ic.Resources = map[string]rig.Resource{
			apiResource: {Scope: "api:read api:write"}, mailResource: {Scope: "mail"},
		}
		ic.Clients = append(ic.Clients,
			rig.Client{ID: "robot", Secret: robotSecret, Grants: []string{"client_credentials"}},
			rig.Client{ID: "tool", AuthMethod: "none", RedirectURIs: []string{"http://127.0.0.1:1/back"}},
		)
		if idp != nil {
			idp(ic)
		}
	}
	c.site += "\nbearer {\naudience " + apiResource + "\n" + bearer + "\n}"
	return newSite(t, c)
}

// robotToken is a token that a program gets for itself.
func (s *site) robotToken(resource, scope string) string {
	s.t.Helper()
	return s.token(url.Values{
		"grant_type": {"client_credentials"}, "resource": {resource}, "scope": {scope}, "client_id": {"robot"}, "client_secret": {robotSecret},
	}, nil).Access
}

// tokens are what the provider's token endpoint answers.
type tokens struct {
	Access  string `json:"access_token"`
	ID      string `json:"id_token"`
	Refresh string `json:"refresh_token"`
	Type    string `json:"token_type"`
}

func (s *site) token(form url.Values, header http.Header) (out tokens) {
	s.t.Helper()
	r := rig.NewHTTP(s.t).Do(rig.Call{URL: s.idp.Issuer + "/token", Form: form, Header: header, Bare: true})
	if err := json.Unmarshal([]byte(r.Text), &out); err != nil || out.Access == "" {
		s.t.Fatalf("no token for %v: %d %s", form, r.StatusCode, r.Text)
	}
	return out
}

// userTokens are the tokens that the client tool gets for a user.
func (s *site) userTokens(user, scope string, more url.Values) tokens {
	s.t.Helper()
	const verifier = "0123456789012345678901234567890123456789012"
	q := url.Values{
		"client_id": {"tool"}, "response_type": {"code"}, "redirect_uri": {"http://127.0.0.1:1/back"}, "scope": {scope}, "resource": {apiResource},
		"code_challenge": {rig.Challenge(verifier)}, "code_challenge_method": {"S256"},
	}
	for k, v := range more {
		q[k] = v
	}
	c := rig.NewHTTP(s.t)
	back := func(u *url.URL) bool { return u.Path == "/back" }
	r := c.Follow(c.Get(s.idp.Issuer+"/auth?"+q.Encode()), back)
	if r.Location() == nil {
		r = c.Follow(c.Send(r.Form(s.t, user)), back)
	}
	if r.Location() == nil || r.Location().Query().Get("code") == "" {
		s.t.Fatalf("no code for %s: %d %s\n%s", user, r.StatusCode, r.Location(), r.Text)
	}
	return s.token(url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"tool"}, "redirect_uri": {"http://127.0.0.1:1/back"},
		"code": {r.Location().Query().Get("code")}, "code_verifier": {verifier}, "resource": {apiResource},
	}, nil)
}

// idpKey is the public key of the provider.
func (s *site) idpKey() any {
	s.t.Helper()
	var set jose.JSONWebKeySet
	r := rig.NewHTTP(s.t).Do(rig.Call{URL: s.idp.Issuer + "/jwks", Bare: true})
	if err := json.Unmarshal([]byte(r.Text), &set); err != nil || len(set.Keys) == 0 {
		s.t.Fatalf("keys: %d %v", r.StatusCode, err)
	}
	return set.Keys[0].Key
}

// program makes a request as curl does, with a token.
func (s *site) program(path, token string, header http.Header) rig.Reply {
	s.t.Helper()
	h := http.Header{"Accept": {"*/*"}, "User-Agent": {"curl/8.5.0"}}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	for k, v := range header {
		h[k] = v
	}
	return rig.NewHTTP(s.t).Do(rig.Call{URL: s.url(path), Header: h})
}

// mustPass expects that a request reached the app, and returns what the app saw.
func (s *site) mustPass(r rig.Reply) rig.AppRequest {
	s.t.Helper()
	if r.StatusCode != http.StatusOK || len(r.Header.Values("Set-Cookie")) > 0 {
		s.t.Fatalf("%s: %d %v\n%s", r.At, r.StatusCode, r.Header, r.Text)
	}
	return s.app.Last(s.t)
}

// mustRefuse expects a refusal in the form for programs, and returns the first challenge.
func (s *site) mustRefuse(r rig.Reply, status int, reason string) string {
	s.t.Helper()
	hits := s.app.Hits()
	p := refused(s.t, r, status)
	if p.Reason != reason || len(r.Header.Values("Set-Cookie")) > 0 {
		s.t.Errorf("%s: reason %q, want %q; cookies %v", r.At, p.Reason, reason, r.Header.Values("Set-Cookie"))
	}
	if s.app.Hits() != hits {
		s.t.Error("the app was reached")
	}
	return r.Header.Get("WWW-Authenticate")
}
