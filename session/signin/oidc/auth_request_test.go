package oidc

import (
	"fmt"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/leave"
)

// A provider that can have users choose their account is asked for that, any other one for a sign-in.
func TestOtherPrompt(t *testing.T) {
	for want, m := range map[string]Metadata{"select_account": {Prompts: []string{"none", "select_account"}}, "login": {}} {
		if got := m.otherPrompt(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// knows returns a provider that has metadata with these additional members.
func knows(t *testing.T, issuer, more string) *Provider {
	t.Helper()
	p := New(Config{Name: "main", Issuer: issuer, ClientID: "latchkey"})
	if err := p.use(fmt.Appendf(nil, `{"issuer":%q,"authorization_endpoint":"https://id/a","token_endpoint":"https://id/t","jwks_uri":"https://id/k"%s}`, issuer, more)); err != nil {
		t.Fatal(err)
	}
	return p
}

// Google answers prompt=login with an error page, and lists no prompts. A list of its own would count.
func TestPromptsOfGoogle(t *testing.T) {
	for _, row := range []struct{ issuer, more, other, login, maxAge string }{
		{google, "", "select_account consent", "consent", "0"},
		{google, `,"prompt_values_supported":["login"]`, "login consent", "login consent", ""},
		{"https://id", "", "login", "login", ""},
	} {
		p := knows(t, row.issuer, row.more)
		p.Scopes = nil
		p.Known().Scopes = []string{"openid", "email", "profile"}
		other, err := p.authParams(p.Known(), AuthRequest{OtherUser: true})
		if err != nil || other.Get("prompt") != row.other {
			t.Errorf("%s, another user: %v, %v", row.issuer, other, err)
		}
		login, err := p.authParams(p.Known(), AuthRequest{Login: true})
		if err != nil || login.Get("prompt") != row.login || login.Get("max_age") != row.maxAge {
			t.Errorf("%s, a new sign-in: %v, %v", row.issuer, login, err)
		}
	}
}

// Cognito's endpoint refuses the parameters of the specification. What the configuration says comes first.
func TestSignOutAtCognito(t *testing.T) {
	const pool = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x"
	const endpoint = `,"end_session_endpoint":"https://login.example.com/logout"`
	const standard = "https://login.example.com/logout?client_id=latchkey&id_token_hint=a.b.c&post_logout_redirect_uri=https%3A%2F%2Fa%2F&state=s"
	own, err := leave.Parse("https://elsewhere.example/?{state}")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		issuer, more string
		configured   *leave.Template
		want         string
		shows        bool
	}{
		{pool, endpoint, nil, "https://login.example.com/logout?client_id=latchkey&logout_uri=https%3A%2F%2Fa%2F", false},
		{"https://cognito-idp.cn-north-1.amazonaws.com.cn/x", endpoint, nil, "https://login.example.com/logout?client_id=latchkey&logout_uri=https%3A%2F%2Fa%2F", false},
		{pool, endpoint, own, "https://elsewhere.example/?s", false},
		{pool, "", nil, "", false},
		{"https://id.example/https://cognito-idp.eu-west-1.amazonaws.com/x", endpoint, nil, standard, true},
		{"https://cognito-idp.eu-west-1.amazonaws.com.evil.example/x", endpoint, nil, standard, true},
	} {
		p := knows(t, row.issuer, row.more)
		p.EndSession = row.configured
		got, err := p.LogoutURL(leave.Request{ClientID: "latchkey", ReturnTo: "https://a/", State: "s", IDToken: "a.b.c"})
		if err != nil || got != row.want || p.showsIDToken(p.Known()) != row.shows {
			t.Errorf("%s: %s, %v", row.issuer, got, err)
		}
	}
}
