package grant

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"
)

// endpoint answers with a status and a body, and notes what it was asked.
func endpoint(t *testing.T, status int, body string) (*httptest.Server, *http.Request) {
	t.Helper()
	seen := new(http.Request)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		*seen = *r
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server, seen
}

func ask(t *testing.T, server *httptest.Server, q Request) (*Tokens, *Error) {
	t.Helper()
	q.Client, q.Endpoint = server.Client(), server.URL
	tok, err := Ask(t.Context(), q)
	var refused *Error
	if err != nil && !errors.As(err, &refused) {
		t.Fatalf("another error: %v", err)
	}
	return tok, refused
}

// How the client says who it is (RFC 6749, sections 2.3.1 and 3.2.1).
func TestClient(t *testing.T) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"r"}}
	for _, tt := range []struct {
		name                      string
		q                         Request
		user, password, id, inner string
	}{
		{"header", Request{ClientID: "a b", ClientSecret: "s:t", Form: form}, "a+b", "s%3At", "", ""},
		{"form", Request{ClientID: "a b", ClientSecret: "s:t", SecretInForm: true, Form: form}, "", "", "a b", "s:t"},
		{"public", Request{ClientID: "a b", Form: form}, "", "", "a b", ""},
	} {
		server, seen := endpoint(t, 200, `{"access_token":"a","token_type":"bearer"}`)
		tok, err := ask(t, server, tt.q)
		user, password, _ := seen.BasicAuth()
		if err != nil || !tok.Bearer() || user != tt.user || password != tt.password || seen.PostForm.Get("client_id") != tt.id ||
			seen.PostForm.Get("client_secret") != tt.inner || seen.PostForm.Get("refresh_token") != "r" {
			t.Errorf("%s: %v, %q %q, %v", tt.name, err, user, password, seen.PostForm)
		}
	}
	if len(form) != 2 {
		t.Errorf("the caller's form was changed: %v", form)
	}
}

// Field trial 1.16: an answer is read in whatever way it says when the access token expires; what is no number says nothing.
func TestExpiresIn(t *testing.T) {
	for in, lasts := range map[string]time.Duration{
		`3600`: time.Hour, `3600.0`: time.Hour, `"3600"`: time.Hour, `"soon"`: 0, `1e99`: 0, `-1`: 0, `"NaN"`: 0, `null`: 0, `{}`: 0,
	} {
		server, _ := endpoint(t, 200, `{"access_token":"a","token_type":"Bearer","refresh_token":"r","id_token":"i","expires_in":`+in+`}`)
		if tok, err := ask(t, server, Request{ClientID: "c"}); err != nil || *tok != (Tokens{Access: "a", Type: "Bearer", Refresh: "r", ID: "i", Lasts: lasts}) {
			t.Errorf("%s: %+v, %v", in, tok, err)
		}
	}
}

// Field trial 3.7: only a claims challenge that is a JSON object of usual size is one.
func TestChallenge(t *testing.T) {
	for claims, want := range map[string]string{
		`"{\"a\": {\"b\": null}}"`: `{"a":{"b":null}}`, `{"a":{}}`: `{"a":{}}`, `"{}"`: "", `{}`: "", `""`: "", `"null"`: "", `null`: "",
		`["a"]`: "", `"[\"a\"]"`: "", `"text"`: "", `7`: "", `"{\"a\":\"` + strings.Repeat("x", maxChallenge) + `\"}"`: "",
	} {
		server, _ := endpoint(t, 400, `{"error":"interaction_required","error_codes":[50076,1],"suberror":"basic_action","claims":`+claims+`}`)
		_, err := ask(t, server, Request{ClientID: "c"})
		if err == nil || err.Kind != Over || err.Challenge != want || err.Detail() != "interaction_required 50076 1 basic_action" || !err.Has(50076) || err.Has(7) {
			t.Errorf("%s: %+v", claims, err)
		}
	}
	server, _ := endpoint(t, 400, `{"error":"invalid_client","claims":"{\"a\":{}}"}`)
	if _, err := ask(t, server, Request{ClientID: "c"}); err.Kind != Client || err.Challenge != "" {
		t.Errorf("with an error about the client: %+v", err)
	}
}

// Two values of the parameter claims are one that asks for all that either asks for.
func TestMergeClaims(t *testing.T) {
	for _, tt := range [][3]string{
		{"", "", ""},
		{`{"a":{}}`, "", `{"a":{}}`},
		{"", `{"a":{}}`, `{"a":{}}`},
		{`{"id_token":{"acrs":{"essential":true,"value":"c1"}}}`, `{"id_token":{"acrs":{"value":"c2"}}}`, `{"id_token":{"acrs":{"essential":true,"values":["c1","c2"]}}}`},
		{`{"id_token":{"acrs":{"value":"c1"}}}`, `{"id_token":{"acrs":{"essential":true,"values":["c1"]}}}`, `{"id_token":{"acrs":{"essential":true,"value":"c1"}}}`},
		{`{"id_token":{"a":null}}`, `{"id_token":{"a":{"essential":true}},"access_token":{"b":null}}`, `{"access_token":{"b":null},"id_token":{"a":{"essential":true}}}`},
		{`{"id_token":{"a":{"value":"x"}}}`, `{"id_token":{"a":null}}`, `{"id_token":{"a":{"value":"x"}}}`},
	} {
		if got, err := MergeClaims(tt[0], tt[1]); err != nil || got != tt[2] {
			t.Errorf("%s and %s: %s, %v; want %s", tt[0], tt[1], got, err, tt[2])
		}
	}
	for _, bad := range []string{`[]`, `{"a":7}`, `x`, `null`} {
		if got, err := MergeClaims(`{"a":{}}`, bad); err == nil {
			t.Errorf("%s: %s", bad, got)
		}
	}
}

// Field trial 4.6: what a provider writes reaches the log bounded, in one line, and without what we told it in confidence.
func TestSay(t *testing.T) {
	for text, want := range map[string]string{
		"AADSTS50076: Due to a change\r\nuse MFA.":       `AADSTS50076: Due to a change\r\nuse MFA.`,
		"token rt-secret is gone":                        "token [redacted] is gone",
		"as rt%2Fslash":                                  "as [redacted]",
		"of " + strings.Repeat("ab", 40) + " here":       "of [redacted] here",
		"Trace ID: 1e6c2f1a-9d1e-4a2b-8a1c-0123456789ab": "Trace ID: 1e6c2f1a-9d1e-4a2b-8a1c-0123456789ab",
		"\x1b[31m \u202e \xff é":                         `\x1b[31m \u202e \ufffd é`,
	} {
		if got := Say(text, "rt-secret", "rt/slash", "", "e"); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[a-z]{6,12}[0-9]`).Draw(t, "secret")
		got := Say(rapid.String().Draw(t, "before")+" "+secret+rapid.StringN(0, -1, 4*maxSaid).Draw(t, "after"), secret)
		if len(got) > maxSaid+16 || strings.Contains(got, secret) || strings.ContainsFunc(got, unicode.IsControl) {
			t.Fatalf("%d bytes: %q", len(got), got)
		}
	})
}

// No answer makes it panic, and none passes for tokens that is no JSON object with one.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		`{}`, `[]`, `null`, `{"access_token":"a"}`, `{"access_token":7,"error":"x"}`, `<html>`, "", `{"error":{"a":1}}`,
		`{"error":"invalid_grant","error_codes":["a"],"claims":7,"error_description":null}`,
	} {
		f.Add(200, body)
		f.Add(400, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if tok, err := readTokens(200, []byte(body), nil); err == nil && (*tok == (Tokens{}) || !json.Valid([]byte(body))) {
			t.Errorf("%q passes for tokens", body)
		}
		e := refusal(status, []byte(body), nil)
		if e.Kind == Over && e.Word == "" || len(e.Codes) > maxCodes || len(e.Word) > maxWord || len(e.Challenge) > maxChallenge {
			t.Errorf("%d %q: %+v", status, body, e)
		}
	})
}
