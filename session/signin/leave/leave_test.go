package leave

import (
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func query(t interface{ Fatal(...any) }, raw string) url.Values {
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// Field trial 1.7: the address never grows over its bound; what does not fit is left out, the ID token first.
func TestAtIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(most int) string { return rapid.StringN(0, most, -1).Draw(t, "text") }
		r := Request{ClientID: "latchkey", ReturnTo: "https://wiki.example.com/.latchkey/signed-out", State: text(80), IDToken: text(2500), Hint: text(600)}
		out, err := r.At("https://id.example.com/end?own=1")
		if err != nil {
			t.Fatal(err)
		}
		q := query(t, out)
		if len(out) > MaxURL || q.Get("own") != "1" || q.Get("client_id") != "latchkey" || q.Get("post_logout_redirect_uri") != r.ReturnTo {
			t.Fatalf("%d bytes: %s", len(out), out)
		}
		if q.Has("id_token_hint") && (q.Get("id_token_hint") != r.IDToken || q.Has("logout_hint")) {
			t.Fatalf("the hint is another: %s", out)
		}
	})
}

func TestAt(t *testing.T) {
	r := Request{ClientID: "c", ReturnTo: "https://a/", State: "s", IDToken: "a.b.c", Hint: "ada"}
	small, err := r.At("https://id/end")
	if q := query(t, small); err != nil || q.Get("id_token_hint") != "a.b.c" || q.Has("logout_hint") || q.Get("state") != "s" {
		t.Error(small, err)
	}
	r.IDToken = strings.Repeat("x", MaxURL)
	large, err := r.At("https://id/end")
	if q := query(t, large); err != nil || q.Has("id_token_hint") || q.Get("logout_hint") != "ada" || q.Get("state") != "s" {
		t.Error(large, err)
	}
	if _, err := r.At("https://id/" + strings.Repeat("x", MaxURL)); err == nil {
		t.Error("an endpoint that is too long by itself was taken")
	}
}

// Field trial 1.28: addresses that a provider has instead of an end_session_endpoint.
func TestTemplate(t *testing.T) {
	r := Request{ClientID: "c&d", ReturnTo: "https://a/?b", State: "s", IDToken: "a.b.c", Hint: "ada"}
	for raw, want := range map[string]string{
		"https://x.auth.eu-west-1.amazoncognito.com/logout?client_id={client_id}&logout_uri={post_logout_redirect_uri}": "https://x.auth.eu-west-1.amazoncognito.com/logout?client_id=c%26d&logout_uri=https%3A%2F%2Fa%2F%3Fb",
		"https://tenant.eu.auth0.com/v2/logout?client_id={client_id}&returnTo={post_logout_redirect_uri}":               "https://tenant.eu.auth0.com/v2/logout?client_id=c%26d&returnTo=https%3A%2F%2Fa%2F%3Fb",
		"https://accounts.google.com/Logout":                                   "https://accounts.google.com/Logout",
		"https://id/out?id_token_hint={id_token_hint}&u={logout_hint}&{state}": "https://id/out?id_token_hint=a.b.c&u=&s",
		"https://id/out?u={logout_hint}":                                       "https://id/out?u=ada",
	} {
		tmpl, err := Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := r.In(tmpl); out != want || err != nil {
			t.Errorf("%s: %s, %v", raw, out, err)
		}
		if tmpl.ShowsIDToken() != strings.Contains(raw, "id_token_hint") || strings.Contains(tmpl.Address(), "{") {
			t.Errorf("%s: %s", raw, tmpl.Address())
		}
	}
	for _, raw := range []string{
		"https://{client_id}/x?", "https://id/{state}", "https://id/x?{redirect}", "https://id/x?a={state", "https://id/x#?{state}", "https://id:x/?",
	} {
		if _, err := Parse(raw); err == nil {
			t.Errorf("%s was taken", raw)
		}
	}
}
