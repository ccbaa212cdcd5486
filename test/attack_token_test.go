package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

func set(name string, value any) func(map[string]any) {
	return func(m map[string]any) { m[name] = value }
}

// What a provider, or somebody who can speak for it, may not do to us: each lie ends the sign-in without a session
// (A28, A41, A71; OpenID Connect Core 3.1.3.7, RFC 7515 4.1.11, RFC 8725).
func TestLiesInTheIDToken(t *testing.T) {
	t.Parallel()
	s, o := odd(t, config{})
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&o.Key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	now := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	odds := map[string]rig.Lies{
		"another iss":             {Claims: set("iss", "https://evil.example")},
		"iss with a slash":        {Claims: func(c map[string]any) { c["iss"] = o.Issuer + "/" }},
		"no iss":                  {Claims: set("iss", nil)},
		"another aud":             {Claims: set("aud", "another-client")},
		"no aud":                  {Claims: set("aud", nil)},
		"a second aud":            {Claims: set("aud", []string{"gw", "another-client"})},
		"a second aud, with azp":  {Claims: func(c map[string]any) { c["aud"], c["azp"] = []string{"gw", "another-client"}, "gw" }},
		"another azp":             {Claims: set("azp", "another-client")},
		"another nonce":           {Claims: set("nonce", "another")},
		"no nonce":                {Claims: set("nonce", nil)},
		"another at_hash":         {Claims: set("at_hash", rig.HalfHash("another"))},
		"expired":                 {Claims: set("exp", now(-time.Hour))},
		"no exp":                  {Claims: set("exp", nil)},
		"exp as text":             {Claims: set("exp", "tomorrow")},
		"iat ahead":               {Claims: set("iat", now(time.Hour))},
		"no iat":                  {Claims: set("iat", nil)},
		"nbf ahead":               {Claims: set("nbf", now(time.Hour))},
		"no sub":                  {Claims: set("sub", nil)},
		"empty sub":               {Claims: set("sub", "")},
		"sub as a number":         {Claims: set("sub", 7)},
		"huge sub":                {Claims: set("sub", strings.Repeat("s", 100_000))},
		"a logout token: events":  {Claims: set("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}})},
		"a logout token: typ":     {Header: set("typ", "logout+jwt")},
		"an access token: typ":    {Header: set("typ", "at+jwt")},
		"an unknown crit":         {Header: func(h map[string]any) { h["crit"], h["x-evil"] = []string{"x-evil"}, 1 }},
		"alg none":                {Header: set("alg", "none"), Sign: rig.Unsigned},
		"alg None":                {Header: set("alg", "None"), Sign: rig.Unsigned},
		"no signature":            {Sign: rig.Unsigned},
		"HS256 by the public key": {Header: set("alg", "HS256"), Sign: func(h, c map[string]any) string { return rig.SignHS256(public, h, c) }},
		"HS256 by the secret":     {Header: set("alg", "HS256"), Sign: func(h, c map[string]any) string { return rig.SignHS256([]byte(clientSecret), h, c) }},
		"a stranger's key":        {Sign: func(h, c map[string]any) string { return rig.SignRS256(stranger, h, c) }},
		"a key in the header": {Sign: func(h, c map[string]any) string {
			h["jwk"] = rig.JWK(&stranger.PublicKey, "odd", "sig")
			return rig.SignRS256(stranger, h, c)
		}},
		"a key by URL": {Sign: func(h, c map[string]any) string {
			h["jku"] = o.Issuer + "/evil-jwks"
			return rig.SignRS256(stranger, h, c)
		}},
		"an unknown kid": {Header: set("kid", "unknown"), Sign: func(h, c map[string]any) string { return rig.SignRS256(stranger, h, c) }},
		"a tampered payload": {Sign: func(h, c map[string]any) string {
			return tamper(rig.SignRS256(o.Key, h, c), rig.Unsigned(h, withSub(c)))
		}},
		"no ID token":              {TokenAnswer: func(a map[string]any) { delete(a, "id_token") }},
		"ID token as a number":     {TokenAnswer: set("id_token", 7)},
		"two parts":                {TokenAnswer: set("id_token", "e30.e30")},
		"five parts":               {TokenAnswer: set("id_token", "e30.e30.e30.e30.e30")},
		"no access token":          {TokenAnswer: func(a map[string]any) { delete(a, "access_token") }},
		"MAC as the token type":    {TokenAnswer: set("token_type", "mac")},
		"userinfo of another sub":  {Claims: set("preferred_username", nil), Info: set("sub", "somebody-else")},
		"userinfo without a sub":   {Claims: set("preferred_username", nil), Info: func(c map[string]any) { delete(c, "sub") }},
		"iss of another in answer": {Callback: func(q url.Values) { q.Set("iss", "https://evil.example") }},
		"no iss in the answer":     {Callback: func(q url.Values) { q.Del("iss") }},
		"another code":             {Callback: func(q url.Values) { q.Set("code", "code-of-nobody") }},
		"an error with markup": {Callback: func(q url.Values) {
			q.Del("code")
			q.Set("error", "<script>alert(1)</script>")
			q.Set("error_description", "<img src=x onerror=alert(1)>canary-description")
		}},
		"slow beyond patience": {Token: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		"an endless body":      {Token: endless},
		"a redirect": {Token: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}},
	}
	for name, lies := range odds {
		t.Run(name, func(t *testing.T) {
			o.Set(lies)
			c := rig.NewHTTP(t)
			elsewhere := o.Hits("")
			r := c.Follow(c.Get(s.url("/")), nil)
			if isApp(r) || isPrompt(r) || r.StatusCode < 400 {
				t.Errorf("%d at %s:\n%s", r.StatusCode, r.At, r.Text)
			}
			if c.Cookie(s.host(), s.cookie("")) != "" || c.Cookie(s.host(), s.cookie("-pending")) != "" || s.sessions() != 0 {
				t.Error("a session or a pending sign-in came of it")
			}
			if o.Hits("") != elsewhere {
				t.Error("the gateway asked for something that the metadata does not name")
			}
			for _, bad := range []string{"<script>alert", "onerror=", "canary-description"} {
				if strings.Contains(r.Text, bad) {
					t.Errorf("A15: the page contains %q", bad)
				}
			}
		})
	}
	o.Set(rig.Lies{})
	if r := s.enterOdd(t, rig.NewHTTP(t), "Yes"); !isApp(r) {
		t.Errorf("the truth, afterwards: %d at %s\n%s", r.StatusCode, r.At, r.Text)
	}
}

func withSub(c map[string]any) map[string]any { c["sub"] = "somebody-else"; return c }

// tamper puts the payload of one token under the signature of another.
func tamper(signed, other string) string {
	a, b := strings.Split(signed, "."), strings.Split(other, ".")
	return a[0] + "." + b[1] + "." + a[2]
}

func endless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	chunk := []byte(strings.Repeat(" ", 1<<20))
	for r.Context().Err() == nil {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// A gateway that never saw a good key set: keys for encryption, keys of the wrong kind, and none at all.
func TestLiesInTheKeySet(t *testing.T) {
	t.Parallel()
	for name, lies := range map[string]rig.Lies{
		"a key for encryption":  {Keys: func(k []map[string]any) []map[string]any { k[0]["use"] = "enc"; return k }},
		"a key for another alg": {Keys: func(k []map[string]any) []map[string]any { k[0]["alg"] = "RS512"; return k }},
		"no key":                {Keys: func([]map[string]any) []map[string]any { return []map[string]any{} }},
		"nonsense":              {JWKS: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }},
		"an endless key set":    {JWKS: endless},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, o := odd(t, config{})
			o.Set(lies)
			c := rig.NewHTTP(t)
			r := c.Follow(c.Get(s.url("/")), nil)
			if isApp(r) || isPrompt(r) || r.StatusCode < 400 || c.Cookie(s.host(), s.cookie("-pending")) != "" {
				t.Errorf("%d at %s", r.StatusCode, r.At)
			}
		})
	}
}

// A46: tokens with unknown keys do not make the gateway ask for the key set once for each of them.
func TestA46UnknownKeysAskOnce(t *testing.T) {
	t.Parallel()
	s, o := odd(t, config{})
	if r := s.enterOdd(t, rig.NewHTTP(t), "Yes"); !isApp(r) {
		t.Fatalf("%d at %s", r.StatusCode, r.At)
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	o.Set(rig.Lies{Header: set("kid", "unknown"), Sign: func(h, c map[string]any) string { return rig.SignRS256(stranger, h, c) }})
	before := o.Hits("jwks")
	for range 12 {
		c := rig.NewHTTP(t)
		c.Follow(c.Get(s.url("/")), nil)
	}
	if got := o.Hits("jwks") - before; got > 3 {
		t.Errorf("12 tokens with an unknown key made %d requests for the key set", got)
	}
}

// Metadata of another issuer, or endpoints that are not what they should be, are not believed.
func TestLiesInDiscovery(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]func(map[string]any){
		"another issuer":          set("issuer", "https://evil.example"),
		"no issuer":               func(d map[string]any) { delete(d, "issuer") },
		"no authorization":        func(d map[string]any) { delete(d, "authorization_endpoint") },
		"a script":                set("authorization_endpoint", "javascript:alert(1)"),
		"a relative address":      set("token_endpoint", "/token"),
		"plain http to the world": set("token_endpoint", "http://token.example/token"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := rig.NewOdd(t)
			o.Set(rig.Lies{Discovery: lie})
			s := newSite(t, config{issuer: o.Issuer})
			c := rig.NewHTTP(t)
			if r := c.Get(s.url("/")); r.StatusCode != 503 {
				t.Errorf("%d to %v", r.StatusCode, r.Location())
			}
			o.Set(rig.Lies{})
			rig.Until(t, rig.Patience, "the truth is believed", func() bool { return rig.NewHTTP(t).Get(s.url("/")).Location() != nil })
		})
	}
}
