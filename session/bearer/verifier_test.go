package bearer

import (
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// A token says who its user and its client are, in the forms in which providers write it. Without a claim for groups these
// are unknown (A6).
func TestVerify(t *testing.T) {
	w := newWorld(t, nil)
	token := w.token(map[string]any{"groups": []string{"staff"}, "acr": "urn:mfa", "auth_time": w.clock.Now().Add(-time.Minute).Unix(), "sid": "s"})
	got, err := w.verify(token)
	if err != nil {
		t.Fatal(err)
	}
	who, err := got.Session.Record()
	if err != nil {
		t.Fatal(err)
	}
	if who.User != "ada" || who.Identity != (session.Identity{Issuer: w.idp.URL, Subject: "s-1"}) || who.Provider != "main" || got.Client != "cli" ||
		!slices.Equal(who.Groups, []string{"staff"}) || !who.GroupsComplete || who.ACR != "urn:mfa" || who.ProviderSession != "s" ||
		!who.AuthTime.Equal(w.clock.Now().Add(-time.Minute).Truncate(time.Second)) {
		t.Errorf("%+v of %q", who, got.Client)
	}
	for what, change := range map[string]map[string]any{
		"azp": {"client_id": nil, "azp": "cli"}, "appid": {"client_id": nil, "appid": "cli"}, "cid": {"client_id": nil, "cid": "cli"},
		"audiences": {"aud": []string{"other", "api"}}, "nbf": {"nbf": w.clock.Now().Unix()}, "scp": {"scope": nil, "scp": []string{"read"}},
		"clock ahead": {"iat": w.clock.Now().Add(50 * time.Second).Unix()},
	} {
		got, err := w.verify(w.token(change))
		if err != nil || got.Client != "cli" {
			t.Errorf("%s: %+v, %v", what, got, err)
			continue
		}
		if who, err := got.Session.Record(); err != nil || who.GroupsComplete {
			t.Errorf("%s: groups complete %t, %v", what, who.GroupsComplete, err)
		}
	}
}

// RFC 9068, section 4, RFC 8725: what is no access token for us is refused, whatever else is right about it (A28, A41).
func TestVerifyRefuses(t *testing.T) {
	w := newWorld(t, nil)
	key := jose.JSONWebKey{Key: w.idp.Key, KeyID: w.idp.KeyID}
	now := w.clock.Now
	for what, row := range map[string]struct {
		change map[string]any
		reason string
	}{
		"another issuer":     {map[string]any{"iss": "https://evil.example"}, ReasonForeign},
		"issuer and slash":   {map[string]any{"iss": w.idp.URL + "/"}, ReasonForeign},
		"no issuer":          {map[string]any{"iss": nil}, ReasonForeign},
		"issuers":            {map[string]any{"iss": []string{w.idp.URL}}, ReasonForeign},
		"another audience":   {map[string]any{"aud": "https://other.example"}, ReasonAudience},
		"audience and slash": {map[string]any{"aud": audience + "/"}, ReasonAudience},
		"no audience":        {map[string]any{"aud": nil}, ReasonAudience},
		"odd audiences":      {map[string]any{"aud": []any{audience, 7}}, ReasonAudience},
		"expired":            {map[string]any{"exp": now().Unix()}, ReasonExpired},
		"no exp":             {map[string]any{"exp": nil}, ReasonClaims},
		"exp in words":       {map[string]any{"exp": "tomorrow"}, ReasonClaims},
		"no iat":             {map[string]any{"iat": nil}, ReasonClaims},
		"iat ahead":          {map[string]any{"iat": now().Add(2 * time.Minute).Unix()}, ReasonNotYet},
		"nbf ahead":          {map[string]any{"nbf": now().Add(2 * time.Minute).Unix()}, ReasonNotYet},
		"nbf in words":       {map[string]any{"nbf": "x"}, ReasonClaims},
		"auth_time ahead":    {map[string]any{"auth_time": now().Add(2 * time.Minute).Unix()}, ReasonNotYet},
		"no sub":             {map[string]any{"sub": nil}, ReasonClaims},
		"sub is a number":    {map[string]any{"sub": 7}, ReasonClaims},
		"long sub":           {map[string]any{"sub": strings.Repeat("s", 300)}, ReasonClaims},
		"sub with a line":    {map[string]any{"sub": "a\nb"}, ReasonClaims},
		"odd client":         {map[string]any{"client_id": 7}, ReasonClaims},
		"client with a line": {map[string]any{"client_id": "a\nb"}, ReasonClaims},
		"odd scope":          {map[string]any{"scope": 7}, ReasonClaims},
		"odd cnf":            {map[string]any{"cnf": "x"}, ReasonClaims},
		"bound by TLS":       {map[string]any{"cnf": map[string]any{"x5t#S256": "x"}}, ReasonBound},
		"bound twice":        {map[string]any{"cnf": map[string]any{"x5t#S256": "x", "jkt": strings.Repeat("a", thumbprintSize)}}, ReasonBound},
	} {
		w.mustRefuse(what, w.token(row.change), row.reason)
	}
	good := w.claims(nil)
	for what, row := range map[string]struct {
		header map[string]any
		reason string
	}{
		"no type":      {nil, ReasonKind},
		"JWT":          {map[string]any{"typ": "JWT"}, ReasonKind},
		"logout token": {map[string]any{"typ": "logout+jwt"}, ReasonKind},
		"odd type":     {map[string]any{"typ": 7}, ReasonKind},
		"crit":         {map[string]any{"typ": "at+jwt", "crit": []string{"x"}, "x": 1}, ReasonKind},
		"empty crit":   {map[string]any{"typ": "at+jwt", "crit": nil}, ReasonKind},
	} {
		w.mustRefuse(what, w.sign(row.header, good), row.reason)
	}
	stranger := oidctest.NewStranger(t, w.idp.KeyID)
	typ := map[string]any{"typ": "at+jwt"}
	w.mustRefuse("a stranger's key", stranger.SignWith(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: stranger.Key, KeyID: w.idp.KeyID}}, typ, good), ReasonSignature)
	w.mustRefuse("HS256", w.idp.SignWith(jose.SigningKey{Algorithm: jose.HS256, Key: make([]byte, 32)}, typ, good), ReasonKind)
	_, body, _ := strings.Cut(w.token(nil), ".")
	for _, alg := range []string{`"none"`, `"None"`, `"HS256"`, `"ES256K"`, `""`, `null`, `["ES256"]`} {
		head := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"at+jwt","alg":` + alg + `}`))
		w.mustRefuse("alg "+alg, head+"."+body, ReasonKind)
	}
	token := w.token(nil)
	head, rest, _ := strings.Cut(token, ".")
	other, _, _ := strings.Cut(w.sign(map[string]any{"typ": "at+jwt", "cty": "x"}, good), ".")
	for what, token := range map[string]string{"another header": other + "." + rest, "another signature": token[:len(token)-4] + "AAAA"} {
		w.mustRefuse(what, token, ReasonSignature)
	}
	for what, token := range map[string]string{"opaque": "abc", "two parts": head + ".e30", "four parts": token + ".x", "a line of padding": token + "="} {
		w.mustRefuse(what, token, ReasonForeign)
	}
	if w.vetted != 0 {
		t.Errorf("%d refused tokens were asked about in the store", w.vetted)
	}
	if _, err := w.verify(w.idp.SignWith(jose.SigningKey{Algorithm: jose.ES256, Key: key}, typ, good)); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

// With typ any, what older providers write passes, and what is known to be another kind of token does not.
func TestAnyType(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.AnyType, c.Audience = true, []string{audience, oidctest.Client} })
	for _, header := range []map[string]any{nil, {"typ": "JWT"}, {"typ": "at+jwt"}, {"typ": "application/at+JWT"}} {
		if _, err := w.verify(w.sign(header, w.claims(map[string]any{"typ": "Bearer", "token_use": "access"}))); err != nil {
			t.Errorf("%v: %v", header, err)
		}
	}
	for what, change := range map[string]map[string]any{
		"nonce": {"nonce": "n"}, "at_hash": {"at_hash": "h"}, "c_hash": {"c_hash": "h"}, "event": {"events": map[string]any{}}, "our client ID": {"aud": oidctest.Client},
		"our client ID too": {"aud": []string{audience, oidctest.Client}}, "Keycloak's ID token": {"typ": "ID"}, "its refresh token": {"typ": "Refresh"},
		"Cognito's ID token": {"token_use": "id"},
	} {
		w.mustRefuse(what, w.sign(map[string]any{"typ": "JWT"}, w.claims(change)), ReasonKind)
	}
	for _, typ := range []any{"logout+jwt", "secevent+jwt", "dpop+jwt", "id+jwt", 7} {
		w.mustRefuse("type", w.sign(map[string]any{"typ": typ}, w.claims(nil)), ReasonKind)
	}
}

// A site can demand scopes, all of them, and clients.
func TestScopesAndClients(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Scopes, c.Clients = []string{"read", "write"}, []string{"cli", "other"} })
	for what, row := range map[string]struct {
		change map[string]any
		lacks  bool
	}{
		"all": {nil, false}, "more": {map[string]any{"scope": "x write read"}, false}, "one": {map[string]any{"scope": "read"}, true}, "none": {map[string]any{"scope": nil}, true},
		"in both": {map[string]any{"scope": "read", "scp": []string{"write"}}, false}, "another case": {map[string]any{"scope": "Read write"}, true},
	} {
		got, err := w.verify(w.token(row.change))
		if err != nil || (got.CheckScope() != nil) != row.lacks {
			t.Errorf("%s: %v, %v", what, got, err)
		}
	}
	w.mustRefuse("another client", w.token(map[string]any{"client_id": "cli2"}), ReasonClient)
	w.mustRefuse("no client", w.token(map[string]any{"client_id": nil}), ReasonClient)
}

// A verified token is not verified again for five minutes, and never after its end; then the keys and the store are asked
// again, and what they say counts.
func TestKeptTokens(t *testing.T) {
	w := newWorld(t, nil)
	token := w.token(nil)
	first, err := w.verify(token)
	if err != nil {
		t.Fatal(err)
	}
	if !first.LogDue(w.clock.Now()) || first.LogDue(w.clock.Now()) {
		t.Error("the first use is not logged once")
	}
	w.clock.Advance(keptLife - time.Second)
	if again, err := w.verify(token); again != first || err != nil || w.vetted != 1 {
		t.Errorf("verified again: %v, %d", err, w.vetted)
	}
	w.clock.Advance(time.Second)
	second, err := w.verify(token)
	if err != nil || second == first || w.vetted != 2 {
		t.Fatalf("not verified again: %v, %d", err, w.vetted)
	}
	if second.LogDue(w.clock.Now()) {
		t.Error("logged twice in an hour")
	}
	w.clock.Advance(keptLife)
	w.vetErr = session.ErrRevoked
	w.mustRefuse("revoked", token, ReasonRevoked)
	if w.v.kept.has(presented(schemeBearer, token).hash) {
		t.Error("a refused token is kept")
	}
	w.vetErr = errors.New("store down")
	if _, err := w.verify(token); err == nil || reasonOf(err) != "" {
		t.Errorf("a failure is taken for a refusal: %v", err)
	}
	w.vetErr = nil
	w.clock.Advance(time.Hour - 2*keptLife - time.Second)
	if _, err := w.verify(token); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Second)
	w.mustRefuse("at its end", token, ReasonExpired)
	want := []string{ResultVerified, ResultVerified, ReasonRevoked, ReasonUnverifiable, ResultVerified, ReasonExpired}
	if !slices.Equal(w.results, want) {
		t.Errorf("results %q", w.results)
	}
}

// The tokens that are kept are bounded in number and size.
func TestKeptIsBounded(t *testing.T) {
	w := newWorld(t, nil)
	first, err := w.verify(w.token(nil))
	if err != nil {
		t.Fatal(err)
	}
	now := w.clock.Now()
	k := &kept{}
	for i := range maxKept + 100 {
		one := &Token{Session: first.Session, Expires: now.Add(time.Hour), until: now.Add(time.Hour)}
		if i < 50 {
			one.Expires = now
		}
		k.put(digest{byte(i), byte(i >> 8)}, one, now)
	}
	if len(k.by) > maxKept || k.bytes > maxKeptBytes || k.bytes != len(k.by)*first.size() {
		t.Errorf("%d tokens, %d bytes", len(k.by), k.bytes)
	}
	if k.get(digest{byte(maxKept & 0xff), byte(maxKept >> 8)}, now) == nil {
		t.Error("the new one is not kept")
	}
	for d := range k.by {
		k.drop(d)
	}
	if k.bytes != 0 {
		t.Errorf("%d bytes of nothing", k.bytes)
	}
}

// While the keys cannot be had it is not known whether a token is good; that is no refusal, and no success.
func TestKeysAway(t *testing.T) {
	w := newWorld(t, nil)
	w.idp.Set(func(p *oidctest.IDP) { p.Broken["/keys"] = true })
	if _, err := w.verify(w.token(nil)); !errors.Is(err, jwks.ErrAway) {
		t.Errorf("%v", err)
	}
	w.clock.Advance(time.Minute)
	w.idp.Set(func(p *oidctest.IDP) { p.Broken["/keys"] = false })
	if _, err := w.verify(w.token(nil)); err != nil {
		t.Error(err)
	}
}

// A46: a flood of tokens with unknown keys causes few fetches of keys.
func TestFloodOfKeyIDs(t *testing.T) {
	w := newWorld(t, nil)
	stranger := oidctest.NewStranger(t, "x")
	for i := range 200 {
		token := stranger.SignWith(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: stranger.Key, KeyID: session.NewRandom(6)}},
			map[string]any{"typ": "at+jwt"}, w.claims(nil))
		want := ReasonSignature
		if i >= wrongTokens.N {
			want = ReasonAttempts
		}
		w.mustRefuse("an unknown key", token, want)
	}
	good := w.token(nil)
	w.mustRefuse("a good token from there", good, ReasonAttempts)
	w.clock.Advance(turnWait)
	if _, err := w.verify(good); err != nil {
		t.Errorf("that token again: %v", err)
	}
	if n := w.idp.Count("/keys"); n > 2 {
		t.Errorf("%d fetches", n)
	}
}

// What a request presents is read from one header alone, in one form.
func TestRead(t *testing.T) {
	long := strings.Repeat("a", MaxToken)
	for _, row := range []struct {
		values []string
		want   Presented
	}{
		{nil, Presented{}},
		{[]string{""}, Presented{}},
		{[]string{"Basic YTpi"}, Presented{}},
		{[]string{"Bearerx abc"}, Presented{}},
		{[]string{"Bearer abc"}, Presented{Scheme: "Bearer", Token: "abc"}},
		{[]string{"bearer  abc "}, Presented{Scheme: "Bearer", Token: "abc"}},
		{[]string{"DPOP a.b.c"}, Presented{Scheme: "DPoP", Token: "a.b.c"}},
		{[]string{"Bearer a+/~_-.9=="}, Presented{Scheme: "Bearer", Token: "a+/~_-.9=="}},
		{[]string{"Bearer"}, Presented{Scheme: "Bearer"}},
		{[]string{"Bearer ="}, Presented{Scheme: "Bearer"}},
		{[]string{"Bearer a, Bearer b"}, Presented{Scheme: "Bearer"}},
		{[]string{"Bearer a b"}, Presented{Scheme: "Bearer"}},
		{[]string{"Bearer a=b"}, Presented{Scheme: "Bearer"}},
		{[]string{"Bearer \u00e4"}, Presented{Scheme: "Bearer"}},
		{[]string{"Bearer\tabc"}, Presented{}},
		{[]string{"Bearer " + long}, Presented{Scheme: "Bearer", Token: long}},
		{[]string{"Bearer a" + long}, Presented{Scheme: "Bearer"}},
		{[]string{"Bearer a", "Bearer b"}, Presented{Scheme: "Bearer", Token: "a", Repeated: true}},
		{[]string{"Basic a", "Bearer b"}, Presented{Repeated: true}},
	} {
		got := Read(http.Header{"Authorization": row.values})
		if got.hash = (digest{}); got != row.want {
			t.Errorf("%.40q: %+v", row.values, got)
		}
	}
}

// FuzzVerify holds that no text makes the verifier fail, and none is accepted that the provider has not signed.
func FuzzVerify(f *testing.F) {
	var w *world
	f.Add("Bearer a.b.c")
	f.Add("DPoP e30.e30.e30")
	f.Add("Bearer eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xIn0.AAAA")
	f.Fuzz(func(t *testing.T, header string) {
		if w == nil {
			w = newWorld(t, nil)
		}
		p := Read(http.Header{"Authorization": {header}})
		w.v.Ours(p)
		if _, err := w.v.Verify(t.Context(), p, client); err == nil {
			t.Errorf("%q was accepted", header)
		}
	})
}
