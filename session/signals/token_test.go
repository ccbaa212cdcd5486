package signals

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// A43: the rules of RFC 8417 and of the Shared Signals Framework for a token, one row for each. A token that is refused
// is refused with the word of RFC 8935 for it.
func TestVerifyRules(t *testing.T) {
	s := newSender(t)
	now := s.clock.Now().Unix()
	for _, row := range []struct {
		rule           string
		header, change dict
		code           Code
	}{
		{"a good token", nil, nil, ""},
		{"typ with application/", dict{"typ": "application/secevent+jwt"}, nil, ""},
		{"typ in capitals", dict{"typ": "SecEvent+JWT"}, nil, ""},
		{"typ missing", dict{"typ": nil}, nil, InvalidRequest},
		{"typ JWT", dict{"typ": "JWT"}, nil, InvalidRequest},
		{"typ of a logout token", dict{"typ": "logout+jwt"}, nil, InvalidRequest},
		{"typ of an access token", dict{"typ": "at+jwt"}, nil, InvalidRequest},
		{"typ a list", dict{"typ": []string{"secevent+jwt"}}, nil, InvalidRequest},
		{"crit", dict{"crit": []string{"x"}, "x": 1}, nil, InvalidRequest},
		{"sub", nil, dict{"sub": "ada"}, InvalidRequest},
		{"sub null", nil, dict{"sub": json.RawMessage("null")}, InvalidRequest},
		{"exp", nil, dict{"exp": now + 60}, InvalidRequest},
		{"nonce", nil, dict{"nonce": "n"}, InvalidRequest},
		{"iss missing", nil, dict{"iss": nil}, InvalidIssuer},
		{"iss of another transmitter", nil, dict{"iss": "https://evil.example"}, InvalidIssuer},
		{"iss with a slash more", nil, dict{"iss": s.IDP.URL + "/"}, InvalidIssuer},
		{"aud missing", nil, dict{"aud": nil}, InvalidAudience},
		{"aud of another receiver", nil, dict{"aud": "https://other.example"}, InvalidAudience},
		{"aud an empty list", nil, dict{"aud": []string{}}, InvalidAudience},
		{"aud a list with ours", nil, dict{"aud": []string{"https://other.example", receiver}}, ""},
		{"aud a list of others", nil, dict{"aud": []string{"https://other.example"}}, InvalidAudience},
		{"aud a list with a number", nil, dict{"aud": []any{receiver, 7}}, InvalidAudience},
		{"aud a part of ours", nil, dict{"aud": "https://gateway"}, InvalidAudience},
		{"jti missing", nil, dict{"jti": nil}, InvalidRequest},
		{"jti empty", nil, dict{"jti": ""}, InvalidRequest},
		{"jti a number", nil, dict{"jti": 7}, InvalidRequest},
		{"jti oversized", nil, dict{"jti": strings.Repeat("x", maxTokenID+1)}, InvalidRequest},
		{"iat missing", nil, dict{"iat": nil}, InvalidRequest},
		{"iat null", nil, dict{"iat": json.RawMessage("null")}, InvalidRequest},
		{"iat no number", nil, dict{"iat": "now"}, InvalidRequest},
		{"iat years ahead", nil, dict{"iat": 99_999_999_999}, InvalidRequest},
		{"iat ahead, clocks differ", nil, dict{"iat": now + 299}, ""},
		{"iat ahead, more than clocks differ", nil, dict{"iat": now + 301}, InvalidRequest},
		{"iat in milliseconds", nil, dict{"iat": now * 1000}, ""},
		{"events missing", nil, dict{"events": nil}, InvalidRequest},
		{"events empty", nil, dict{"events": dict{}}, InvalidRequest},
		{"events a list", nil, dict{"events": []string{caep + "session-revoked"}}, InvalidRequest},
		{"two events", nil, dict{"events": dict{caep + "session-revoked": dict{}, risc + "account-disabled": dict{}}}, InvalidRequest},
		{"an event that is null", nil, dict{"events": dict{caep + "session-revoked": nil}}, InvalidRequest},
		{"an event that is text", nil, dict{"events": dict{caep + "session-revoked": "{}"}}, InvalidRequest},
		{"an unknown event", nil, dict{"events": dict{"https://e.example/other": dict{"x": 1}}}, ""},
		{"spelled EVENTS", nil, dict{"events": nil, "EVENTS": dict{caep + "session-revoked": dict{}}}, InvalidRequest},
		{"event_timestamp unreadable", nil, dict{"events": dict{caep + "session-revoked": dict{"event_timestamp": "soon"}}}, InvalidRequest},
		{"toe unreadable", nil, dict{"toe": dict{}}, InvalidRequest},
		{"unknown members are passed over", nil, dict{"txn": "8675309", "act": dict{"sub": "x"}, "events": dict{caep + "session-revoked": dict{"new": []int{1}}}}, ""},
		{"no subject", nil, dict{"sub_id": nil}, ""},
	} {
		t.Run(row.rule, func(t *testing.T) {
			if _, code := s.verify(t, s.token(row.header, row.change)); code != row.code {
				t.Errorf("%q, want %q", code, row.code)
			}
		})
	}
}

// A43: other tokens of the same issuer, for the same audience and well signed, are no events.
func TestVerifyOtherTokens(t *testing.T) {
	s := newSender(t)
	now := s.clock.Now()
	idToken := dict{"iss": s.IDP.URL, "aud": receiver, "sub": "ada", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": "j"}
	for what, raw := range map[string]string{
		"an ID token":                     s.Sign(idToken),
		"an ID token with events in it":   s.Sign(s.claims(dict{"sub": "ada", "exp": now.Add(time.Hour).Unix()})),
		"a logout token":                  s.LogoutToken(dict{"aud": receiver, "sid": "s"}),
		"a logout token of the same type": s.LogoutTokenOf(dict{"typ": "secevent+jwt"}, dict{"aud": receiver, "sub": "ada"}),
	} {
		if _, code := s.verify(t, raw); code != InvalidRequest {
			t.Errorf("%s: %q", what, code)
		}
	}
}

// A43: what a signature may be.
func TestVerifySignature(t *testing.T) {
	s := newSender(t)
	good := s.token(nil, nil)
	parts := strings.Split(good, ".")
	b64 := base64.RawURLEncoding.EncodeToString
	stranger := oidctest.NewStranger(t, s.KeyID)
	key := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: stranger.Key, KeyID: s.KeyID}}
	hmac := jose.SigningKey{Algorithm: jose.HS256, Key: []byte("a secret that both sides know, or so")}
	other := strings.Split(s.token(nil, dict{"sub_id": dict{"format": "email", "email": "grace@example.com"}}), ".")
	for what, row := range map[string]struct {
		raw  string
		code Code
	}{
		"another's key":             {stranger.SignWith(key, dict{"typ": "secevent+jwt"}, s.claims(nil)), InvalidKey},
		"a shared secret":           {s.SignWith(hmac, dict{"typ": "secevent+jwt"}, s.claims(nil)), InvalidKey},
		"alg none":                  {b64([]byte(`{"alg":"none","typ":"secevent+jwt"}`)) + "." + parts[1] + ".", InvalidKey},
		"alg none, signature kept":  {b64([]byte(`{"alg":"none","typ":"secevent+jwt"}`)) + "." + parts[1] + "." + parts[2], InvalidKey},
		"no alg":                    {b64([]byte(`{"typ":"secevent+jwt"}`)) + "." + parts[1] + "." + parts[2], InvalidKey},
		"no signature":              {parts[0] + "." + parts[1] + ".", InvalidKey},
		"another token's signature": {parts[0] + "." + parts[1] + "." + other[2], InvalidKey},
		"another spelling":          {good + "=", InvalidRequest},
		"encrypted":                 {"a.b.c.d.e", InvalidRequest},
		"no token":                  {"hello", InvalidRequest},
		"empty":                     {"", InvalidRequest},
		"claims null":               {parts[0] + ".bnVsbA." + parts[2], InvalidRequest},
		"header null":               {"bnVsbA." + parts[1] + "." + parts[2], InvalidRequest},
		"too long":                  {parts[0] + "." + strings.Repeat("A", MaxToken) + "." + parts[2], InvalidRequest},
	} {
		if _, code := s.verify(t, row.raw); code != row.code {
			t.Errorf("%s: %q, want %q", what, code, row.code)
		}
	}
}

// A46: forged events cause few fetches of keys, and while the keys cannot be had nothing is said about a token.
func TestVerifyWithoutKeys(t *testing.T) {
	s := newSender(t)
	s.Keys.(*jwks.Set).ForcedEvery = 15 * time.Second
	stranger := oidctest.NewStranger(t, "unknown")
	key := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: stranger.Key, KeyID: "unknown"}}
	forged := stranger.SignWith(key, dict{"typ": "secevent+jwt"}, s.claims(nil))
	for range 60 {
		for range 5 {
			_, _ = s.Verify(t.Context(), forged)
		}
		s.clock.Advance(time.Second)
	}
	if n := s.Count("/keys"); n > 5 {
		t.Errorf("a minute of forged events caused %d fetches of keys", n)
	}
	s.Set(func(p *oidctest.IDP) {
		p.Instead["/keys"] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	})
	fresh := newSender(t)
	fresh.Issuer, fresh.Keys = s.IDP.URL, &jwks.Set{URL: s.Keys.(*jwks.Set).URL, Client: http.DefaultClient, Now: s.clock.Now}
	_, err := fresh.Verify(t.Context(), s.token(nil, nil))
	if err == nil || errors.As(err, new(*Refused)) {
		t.Errorf("without keys: %v", err)
	}
}

// A transmitter that has changed its keys a moment ago is not refused, which would be final: a refused event is not sent
// again. What names a known key and is not signed by it is refused at once.
func TestVerifyWithANewKey(t *testing.T) {
	s := newSender(t)
	s.good(t, nil)
	s.clock.Advance(time.Second)
	old := s.KeyID
	s.Set(func(p *oidctest.IDP) { p.Key, p.KeyID = oidctest.NewKey(t), "k2" })
	raw := s.token(nil, nil)
	if _, err := s.Verify(t.Context(), raw); !errors.Is(err, ErrUnknownKey) || errors.As(err, new(*Refused)) {
		t.Errorf("with a new key: %v", err)
	}
	stranger := oidctest.NewStranger(t, old)
	key := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: stranger.Key, KeyID: old}}
	if _, code := s.verify(t, stranger.SignWith(key, dict{"typ": "secevent+jwt"}, s.claims(nil))); code != InvalidKey {
		t.Errorf("with the ID of a known key: %q", code)
	}
	s.clock.Advance(jwks.DefaultForcedEvery)
	if _, code := s.verify(t, raw); code != "" {
		t.Errorf("once the keys may be fetched again: %q", code)
	}
}

// The time of an event is event_timestamp, else toe, else iat; in seconds or milliseconds, and never later than now.
func TestHappened(t *testing.T) {
	s := newSender(t)
	now := s.clock.Now().UTC().Truncate(time.Second)
	early, earlier := now.Add(-time.Hour), now.Add(-2*time.Hour)
	event := func(v any) dict { return dict{caep + "session-revoked": dict{"event_timestamp": v}} }
	for _, row := range []struct {
		what   string
		change dict
		want   time.Time
	}{
		{"iat", dict{"iat": early.Unix()}, early},
		{"toe", dict{"toe": early.Unix()}, early},
		{"event_timestamp", dict{"events": event(early.Unix())}, early},
		{"event_timestamp before toe", dict{"toe": early.Unix(), "events": event(earlier.Unix())}, earlier},
		{"event_timestamp null", dict{"toe": early.Unix(), "events": event(nil)}, early},
		{"milliseconds", dict{"events": event(early.UnixMilli())}, early},
		{"text", dict{"events": event("1600000000")}, time.Unix(1600000000, 0)},
		{"ahead", dict{"events": event(now.Add(time.Hour).Unix())}, now},
		{"iat ahead", dict{"iat": now.Add(time.Minute).Unix()}, now},
	} {
		got := s.good(t, row.change).Happened
		if !got.Truncate(time.Second).Equal(row.want) {
			t.Errorf("%s: %v, want %v", row.what, got, row.want)
		}
	}
}

// TestParseMoment: a time reads the same in both units, and nothing that is no time is one.
func TestParseMoment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := time.Unix(rapid.Int64Range(fromMillis/1000, 4_000_000_000).Draw(t, "at"), 0)
		for _, n := range []int64{want.Unix(), want.UnixMilli()} {
			raw, _ := json.Marshal(n)
			if got, ok := parseMoment(raw); !ok || !got.Equal(want) {
				t.Fatalf("%d: %v, %t", n, got, ok)
			}
		}
	})
	for _, raw := range []string{"", "null", "-1", "0", "1e300", "99999999999999999", "true", "{}", "[]", `"x"`, `""`} {
		if got, ok := parseMoment(json.RawMessage(raw)); ok {
			t.Errorf("%s: %v", raw, got)
		}
	}
}

// FuzzVerify: whatever arrives is refused with one of our own texts, costs no fetch of keys that it does not deserve, and
// never panics. The payload is any; the header is one that leads to the checks of the claims.
func FuzzVerify(f *testing.F) {
	for _, seed := range []string{
		`{"iss":"i","aud":"a","iat":1,"jti":"j","events":{"e":{}}}`,
		`{"iss":"i","aud":["a"],"iat":1e3,"jti":"j","sub_id":{"user":{"format":"email","email":"x"}},"events":{"e":{"subject":{}}}}`,
		`{"iss":"i","aud":"a","iat":1,"jti":"j","sub_id":{"format":"aliases","identifiers":[{"format":"aliases"}]},"events":{"e":{}}}`,
		`null`, `[]`, ``,
	} {
		f.Add([]byte(seed))
	}
	now := at("2026-11-29T12:00:00Z")
	f.Fuzz(func(t *testing.T, payload []byte) {
		var asked bool
		s := &Transmitter{
			Issuer: "i", Audience: []string{"a"}, Now: func() time.Time { return now },
			Keys: keysFunc(func(string) ([]byte, error) { asked = true; return payload, nil }),
		}
		b64 := base64.RawURLEncoding.EncodeToString
		token, err := s.Verify(t.Context(), b64([]byte(`{"typ":"secevent+jwt","alg":"ES256"}`))+"."+b64(payload)+".c2ln")
		var refused *Refused
		switch {
		case err == nil:
			if !asked || token.ID == "" || token.Happened.After(now) {
				t.Fatalf("%+v", token)
			}
			_ = token.Event.String()
		case !errors.As(err, &refused) || refused.Description == "" || token != nil:
			t.Fatalf("%v", err)
		case len(payload) > 40 && strings.Contains(refused.Description, string(payload)):
			t.Fatalf("the answer repeats the token: %s", refused.Description)
		case asked:
			t.Fatal("a token was refused after its signature was checked, for what it says")
		}
	})
}
