package signals

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// assertion is a good assertion of a caller, as Okta sends it; nil in header or change deletes a member.
func (s *sender) assertion(header, change dict) string {
	now := s.clock.Now()
	claims := dict{
		"iss": s.IDP.URL, "sub": "latchkey", "aud": receiver, "jti": session.NewRandom(12), "iat": now.Unix(),
		"nbf": now.Add(-5 * time.Minute).Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	all := dict{"typ": "global-token-revocation+jwt"}
	for to, from := range map[*dict]dict{&claims: change, &all: header} {
		maps.Copy(*to, from)
		maps.DeleteFunc(*to, func(_ string, v any) bool { return v == nil })
	}
	return s.SignWith(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: s.Key, KeyID: s.KeyID}}, all, claims)
}

// A43: what an assertion must have, one row for each rule. Events and other tokens of the same issuer are no assertions.
func TestCallerRules(t *testing.T) {
	s := newSender(t)
	now := s.clock.Now().Unix()
	stranger := oidctest.NewStranger(t, s.KeyID)
	key := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: stranger.Key, KeyID: s.KeyID}}
	for what, row := range map[string]struct {
		raw  string
		code Code
	}{
		"a good one":                  {s.assertion(nil, nil), ""},
		"without sub":                 {s.assertion(nil, dict{"sub": nil}), ""},
		"about its issuer":            {s.assertion(nil, dict{"sub": s.IDP.URL}), ""},
		"without nbf":                 {s.assertion(nil, dict{"nbf": nil}), ""},
		"for several":                 {s.assertion(nil, dict{"aud": []string{"https://other.example", receiver}}), ""},
		"about another client":        {s.assertion(nil, dict{"sub": "payroll"}), AuthenticationFailed},
		"sub a number":                {s.assertion(nil, dict{"sub": 1}), AuthenticationFailed},
		"without typ":                 {s.assertion(dict{"typ": nil}, nil), AuthenticationFailed},
		"typ JWT":                     {s.assertion(dict{"typ": "JWT"}, nil), AuthenticationFailed},
		"typ of an event":             {s.assertion(dict{"typ": "secevent+jwt"}, nil), AuthenticationFailed},
		"crit":                        {s.assertion(dict{"crit": []string{"x"}, "x": 1}, nil), AuthenticationFailed},
		"an event":                    {s.token(nil, nil), AuthenticationFailed},
		"of another issuer":           {s.assertion(nil, dict{"iss": "https://evil.example"}), InvalidIssuer},
		"for another gateway":         {s.assertion(nil, dict{"aud": "https://other.example"}), InvalidAudience},
		"without aud":                 {s.assertion(nil, dict{"aud": nil}), InvalidAudience},
		"without jti":                 {s.assertion(nil, dict{"jti": nil}), AuthenticationFailed},
		"without iat":                 {s.assertion(nil, dict{"iat": nil}), AuthenticationFailed},
		"of the future":               {s.assertion(nil, dict{"iat": now + 900, "exp": now + 1200}), AuthenticationFailed},
		"without exp":                 {s.assertion(nil, dict{"exp": nil}), AuthenticationFailed},
		"past exp, clocks differ":     {s.assertion(nil, dict{"iat": now - 500, "exp": now - 299}), ""},
		"past exp":                    {s.assertion(nil, dict{"iat": now - 900, "exp": now - 301}), AuthenticationFailed},
		"valid for long":              {s.assertion(nil, dict{"exp": now + 3601}), AuthenticationFailed},
		"not valid yet":               {s.assertion(nil, dict{"nbf": now + 301}), AuthenticationFailed},
		"signed by another":           {stranger.SignWith(key, dict{"typ": "global-token-revocation+jwt"}, dict{"iss": s.IDP.URL, "aud": receiver, "jti": "j", "iat": now, "exp": now + 60}), InvalidKey},
		"too long":                    {s.assertion(nil, dict{"x": strings.Repeat("x", MaxRevocation)}), AuthenticationFailed},
		"no token":                    {"secret", AuthenticationFailed},
		"an ID token of this client":  {s.Sign(dict{"iss": s.IDP.URL, "aud": receiver, "sub": "latchkey", "iat": now, "exp": now + 60, "jti": "j"}), AuthenticationFailed},
		"jti oversized":               {s.assertion(nil, dict{"jti": strings.Repeat("x", maxTokenID+1)}), AuthenticationFailed},
		"typ in capitals, with media": {s.assertion(dict{"typ": "application/Global-Token-Revocation+JWT"}, nil), ""},
	} {
		a, err := s.VerifyCaller(t.Context(), row.raw, "latchkey")
		var refused *Refused
		switch {
		case row.code == "" && (err != nil || a == nil):
			t.Errorf("%s: %v", what, err)
		case row.code != "" && (!errors.As(err, &refused) || refused.Code != row.code):
			t.Errorf("%s: %v, want %s", what, err, row.code)
		}
	}
}

func order(subject dict) []byte {
	raw, _ := json.Marshal(dict{"sub_id": subject})
	return raw
}

// Whom a request names, what ends, and what it is answered. A session that began before the request ends however far the
// provider's clock is ahead.
func TestRevoke(t *testing.T) {
	for _, row := range []struct {
		what string
		body []byte
		want error
		ends string // of: ada1 ada2 grace other
	}{
		{"iss_sub", order(sub("ada")), nil, "ada1 ada2"},
		{"email", order(mail("ADA@example.com")), nil, "ada1 ada2"},
		{"opaque", order(dict{"format": "opaque", "id": "ada"}), nil, "ada1 ada2"},
		{"an ID that names no session as well", order(dict{"format": "opaque", "id": "s1"}), nil, ""},
		{"aliases", order(dict{"format": "aliases", "identifiers": []dict{mail("x@example.com"), sub("grace")}}), nil, "grace"},
		{"further members", []byte(`{"sub_id":{"format":"opaque","id":"grace"},"reason":"x"}`), nil, "grace"},
		{"a user who is not signed in", order(sub("nobody")), nil, ""},
		{"an address of no user", order(mail("x@example.com")), ErrNoUser, ""},
		{"an address that is not verified", order(mail("grace@example.com")), ErrNoUser, ""},
		{"a user of another provider", order(dict{"format": "iss_sub", "iss": "https://other.example.com", "sub": "ada"}), ErrNotTheirs, ""},
		{"one session", order(dict{"format": "complex", "user": sub("ada"), "session": dict{"format": "opaque", "id": "s1"}}), ErrNotAUser, ""},
		{"one device", order(dict{"format": "complex", "user": sub("ada"), "device": dict{"format": "opaque", "id": "d1"}}), ErrNotAUser, ""},
		{"a tenant", order(dict{"format": "complex", "tenant": dict{"format": "opaque", "id": "t"}}), ErrNotAUser, ""},
		{"at another application", order(dict{"format": "complex", "user": sub("ada"), "application": dict{"format": "opaque", "id": "payroll"}}), ErrNotAUser, ""},
		{"a format of later", order(dict{"format": "later", "id": "ada"}), &Refused{Code: InvalidRequest}, ""},
		{"an address that is empty", order(mail("")), &Refused{Code: InvalidRequest}, ""},
		{"no subject", []byte(`{"subject":{"format":"opaque","id":"ada"}}`), &Refused{Code: InvalidRequest}, ""},
		{"no object", []byte(`[]`), &Refused{Code: InvalidRequest}, ""},
		{"null", []byte(`null`), &Refused{Code: InvalidRequest}, ""},
		{"empty", nil, &Refused{Code: InvalidRequest}, ""},
		{"too long", append([]byte(`{"x":"`), append([]byte(strings.Repeat("x", MaxRevocation)), `"}`...)...), &Refused{Code: InvalidRequest}, ""},
	} {
		t.Run(row.what, func(t *testing.T) {
			w := newWorld(t)
			ahead := func(s *session.Record) { s.AuthTime = w.clock.Now().Add(4 * time.Minute) }
			named := map[string]session.Token{
				"ada1": w.signIn("ada", "s1", ahead), "ada2": w.signIn("ada", "s2"),
				"grace": w.signIn("grace", "s3", func(s *session.Record) { s.KnownAs = nil }),
				"other": w.signIn("ada", "s1", func(s *session.Record) { s.Identity.Issuer = "https://other.example.com" }),
			}
			err := w.Revoke(t.Context(), w.Actor, nil, row.body)
			var want, got *Refused
			switch {
			case errors.As(row.want, &want):
				if !errors.As(err, &got) || got.Code != want.Code {
					t.Errorf("%v", err)
				}
			case !errors.Is(err, row.want):
				t.Errorf("%v", err)
			}
			for name, token := range named {
				if ends := strings.Contains(row.ends, name); w.lives(token) == ends {
					t.Errorf("%s lives: %t", name, !ends)
				}
			}
			for _, told := range w.told {
				if told["event"] != access.EventRevoked || told["signal"] != "global-token-revocation" || told["from"] != "okta" {
					t.Errorf("told %v", told)
				}
			}
		})
	}
}

// A sign-in that was in progress creates no session; one that begins afterwards does.
func TestRevokeWinsOverSignIn(t *testing.T) {
	for what, subject := range map[string]dict{"sub": sub("ada"), "email": mail("ada@example.com")} {
		w := newWorld(t)
		began := w.clock.Now()
		w.clock.Advance(time.Minute)
		_ = w.Revoke(t.Context(), w.Actor, nil, order(subject))
		if _, err := w.trySignIn("ada", "s1", func(s *session.Record) { s.Began = began }); !errors.Is(err, session.ErrRevoked) {
			t.Errorf("%s: %v", what, err)
		}
		w.clock.Advance(time.Second)
		if !w.lives(w.signIn("ada", "s2")) {
			t.Errorf("%s: a new sign-in has ended", what)
		}
	}
}

// A82: whichever call of the store fails, a request is not acknowledged while the session lives, and the next attempt
// with the same assertion is carried out.
func TestRevokeDuringOutage(t *testing.T) {
	for failing := 1; ; failing++ {
		w := &world{sender: newSender(t), t: t}
		broken := &storetest.Interrupted{Store: storetest.NewMemory(w.clock.Now)}
		w.over(broken)
		token := w.signIn("ada", "s1")
		by := w.caller()
		calls := 0
		broken.Interrupt(func(context.Context, string, session.Key) error {
			if calls++; calls == failing {
				return session.ErrUnavailable
			}
			return nil
		})
		err := w.Revoke(t.Context(), w.Actor, by, order(sub("ada")))
		broken.Interrupt(nil)
		if err == nil && w.lives(token) || errors.As(err, new(*Refused)) {
			t.Fatalf("call %d failed: %v, the session lives: %t", failing, err, w.lives(token))
		}
		if err := w.Revoke(t.Context(), w.Actor, by, order(sub("ada"))); err != nil || w.lives(token) {
			t.Fatalf("after the failure of call %d: %v", failing, err)
		}
		if calls < failing {
			break // no call failed
		}
	}
}

func (w *world) caller() *Assertion {
	w.t.Helper()
	by, err := w.VerifyCaller(w.t.Context(), w.assertion(nil, nil), "latchkey")
	if err != nil {
		w.t.Fatal(err)
	}
	return by
}

// A43: an assertion is good for one request. The same request gets the same answer and does nothing to sessions that began
// since; another one with it is refused.
func TestAssertionIsForOneRequest(t *testing.T) {
	inStores(t, func(t *testing.T, w *world) {
		by := w.caller()
		ada, grace := w.signIn("ada", "s1"), w.signIn("grace", "s2")
		if err := w.Revoke(t.Context(), w.Actor, by, order(sub("ada"))); err != nil || w.lives(ada) {
			t.Fatal(err)
		}
		w.clock.Advance(time.Second)
		since := w.signIn("ada", "s3")
		if err := w.Revoke(t.Context(), w.Actor, by, order(sub("ada"))); err != nil || !w.lives(since) {
			t.Errorf("again: %v, the new session lives: %t", err, w.lives(since))
		}
		var refused *Refused
		if err := w.Revoke(t.Context(), w.Actor, by, order(sub("grace"))); !errors.As(err, &refused) || refused.Code != AuthenticationFailed || !w.lives(grace) {
			t.Errorf("another request: %v", err)
		}
		none := w.caller()
		for range 2 {
			if err := w.Revoke(t.Context(), w.Actor, none, order(mail("x@example.com"))); !errors.Is(err, ErrNoUser) {
				t.Errorf("no user: %v", err)
			}
		}
	})
}
