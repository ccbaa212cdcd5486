package bearer

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

const origin = "https://app.example.com"

// device is a client with a key.
type device struct {
	w   *world
	key *ecdsa.PrivateKey
}

func (d device) thumbprint() string {
	sum, err := (&jose.JSONWebKey{Key: d.key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		d.w.t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// proof is a good proof for a token at GET /a, with changes; nil deletes.
func (d device) proof(token string, header, change map[string]any) string {
	d.w.t.Helper()
	sum := sha256.Sum256([]byte(token))
	claims := map[string]any{
		"jti": fmt.Sprint(d.w.clock.Now().UnixNano(), len(d.w.results), header, change), "htm": "GET", "htu": origin + "/a", "iat": d.w.clock.Now().Unix(),
		"ath": base64.RawURLEncoding.EncodeToString(sum[:]),
	}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	head := map[string]any{"typ": "dpop+jwt", "jwk": &jose.JSONWebKey{Key: d.key.Public()}}
	maps.Copy(head, header)
	maps.DeleteFunc(head, func(_ string, v any) bool { return v == nil })
	return d.w.idp.SignWith(jose.SigningKey{Algorithm: jose.ES256, Key: d.key}, head, claims)
}

func (w *world) prove(scheme, token, address string, proofs ...string) error {
	w.t.Helper()
	t, err := w.v.Verify(w.t.Context(), presented(scheme, token), client)
	if err != nil {
		w.t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		w.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/rewritten", nil)
	if proofs != nil {
		r.Header[proofHeader] = proofs
	}
	return w.v.Prove(r, presented(scheme, token), t, origin, u)
}

// RFC 9449, sections 4.3 and 7: a token that is bound to a key is good with a proof of this key, for this method, address and
// token, once and for a minute.
func TestProofs(t *testing.T) {
	w := newWorld(t, nil)
	d, other := device{w, oidctest.NewKey(t)}, device{w, oidctest.NewKey(t)}
	token := w.token(map[string]any{"cnf": map[string]any{"jkt": d.thumbprint()}})
	now := w.clock.Now
	for what, proof := range map[string]string{
		"good": d.proof(token, nil, nil), "another spelling": d.proof(token, nil, map[string]any{"htu": "HTTPS://APP.example.com:443/%61"}),
		"with a query": d.proof(token, nil, map[string]any{"htu": origin + "/a?b#c"}), "a slow clock": d.proof(token, nil, map[string]any{"iat": now().Add(-50 * time.Second).Unix()}),
		"a fast clock": d.proof(token, nil, map[string]any{"iat": now().Add(50 * time.Second).Unix()}),
	} {
		if err := w.prove(schemeDPoP, token, "/a?x=1", proof); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := w.prove(schemeDPoP, token, "/a", proof); reasonOf(err) != ReasonProof {
			t.Errorf("%s, again: %v", what, err)
		}
	}
	private := jose.JSONWebKey{Key: d.key}
	secret := &jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef")}
	hmac := w.idp.SignWith(jose.SigningKey{Algorithm: jose.HS256, Key: secret.Key}, map[string]any{"typ": "dpop+jwt", "jwk": secret}, map[string]any{"jti": "x"})
	good := d.proof(token, nil, nil)
	for what, proofs := range map[string][]string{
		"none": nil, "empty": {""}, "two": {d.proof(token, nil, nil), d.proof(token, nil, nil)}, "long": {d.proof(token, nil, map[string]any{"x": strings.Repeat("x", maxProof)})},
		"another key": {other.proof(token, nil, nil)}, "a foreign key in it": {other.proof(token, map[string]any{"jwk": &jose.JSONWebKey{Key: d.key.Public()}}, nil)},
		"no key": {d.proof(token, map[string]any{"jwk": nil}, nil)}, "the private key": {d.proof(token, map[string]any{"jwk": &private}, nil)}, "HS256": {hmac},
		"another type": {d.proof(token, map[string]any{"typ": "JWT"}, nil)}, "no type": {d.proof(token, map[string]any{"typ": nil}, nil)},
		"crit": {d.proof(token, map[string]any{"crit": []string{"x"}, "x": 1}, nil)}, "another method": {d.proof(token, nil, map[string]any{"htm": "POST"})},
		"method in lower case": {d.proof(token, nil, map[string]any{"htm": "get"})}, "no method": {d.proof(token, nil, map[string]any{"htm": nil})},
		"another host": {d.proof(token, nil, map[string]any{"htu": "https://evil.example/a"})}, "another scheme": {d.proof(token, nil, map[string]any{"htu": "http://app.example.com/a"})},
		"another port": {d.proof(token, nil, map[string]any{"htu": origin + ":8443/a"})}, "another path": {d.proof(token, nil, map[string]any{"htu": origin + "/A"})},
		"an escaped slash": {d.proof(token, nil, map[string]any{"htu": origin + "%2Fa"})}, "a user": {d.proof(token, nil, map[string]any{"htu": "https://u@app.example.com/a"})},
		"no address": {d.proof(token, nil, map[string]any{"htu": nil})}, "another token": {d.proof(token+"x", nil, nil)}, "no token": {d.proof(token, nil, map[string]any{"ath": nil})},
		"old": {d.proof(token, nil, map[string]any{"iat": now().Add(-70 * time.Second).Unix()})}, "from the future": {d.proof(token, nil, map[string]any{"iat": now().Add(70 * time.Second).Unix()})},
		"no time": {d.proof(token, nil, map[string]any{"iat": nil})}, "no ID": {d.proof(token, nil, map[string]any{"jti": nil})}, "an empty ID": {d.proof(token, nil, map[string]any{"jti": ""})},
		"a long ID": {d.proof(token, nil, map[string]any{"jti": strings.Repeat("x", 300)})}, "changed": {good[:len(good)-4] + "AAAA"},
		"an access token": {token},
	} {
		if err := w.prove(schemeDPoP, token, "/a", proofs...); reasonOf(err) != ReasonProof {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := w.prove(schemeBearer, token, "/a", d.proof(token, nil, nil)); reasonOf(err) != ReasonBound {
		t.Errorf("as Bearer: %v", err)
	}
	free := w.token(nil)
	if err := w.prove(schemeDPoP, free, "/a", d.proof(free, nil, nil)); reasonOf(err) != ReasonBound {
		t.Errorf("a token that is bound to nothing: %v", err)
	}
	if err := w.prove(schemeBearer, free, "/a"); err != nil {
		t.Error(err)
	}
}

// A used proof is remembered for as long as it would be accepted, and so many are remembered at most; more are an error and
// not accepted.
func TestReplays(t *testing.T) {
	w := newWorld(t, nil)
	var r replays
	use := func(id string) (bool, bool) { return r.use("key", id, w.clock.Now()) }
	if fresh, full := use("a"); !fresh || full {
		t.Fatal("the first use")
	}
	for range 4 {
		w.clock.Advance(proofWindow / 4)
		if fresh, _ := use("a"); fresh {
			t.Fatal("accepted again")
		}
	}
	if fresh, _ := r.use("another key", "a", w.clock.Now()); !fresh {
		t.Error("a proof of another key counts")
	}
	w.clock.Advance(2 * proofWindow)
	if fresh, _ := use("a"); !fresh || len(r.was) != 0 {
		t.Errorf("remembered too long: %d", len(r.was))
	}
	for i := range maxReplays {
		use(fmt.Sprint(i))
	}
	if fresh, full := use("one more"); fresh || !full || len(r.now) != maxReplays {
		t.Errorf("fresh %t, full %t, %d", fresh, full, len(r.now))
	}
	w.v.replays.now, w.v.replays.began = r.now, r.began
	d := device{w, oidctest.NewKey(t)}
	token := w.token(map[string]any{"cnf": map[string]any{"jkt": d.thumbprint()}})
	if err := w.prove(schemeDPoP, token, "/a", d.proof(token, nil, nil)); !errors.Is(err, errManyProofs) {
		t.Errorf("%v", err)
	}
}

// A proof that was used at one replica is refused at another one, and after a reload. A store that does not answer has not said
// that a proof is new.
func TestProofsOfAllReplicas(t *testing.T) {
	w := newWorld(t, nil)
	store := storetest.NewMemory(w.clock.Now)
	down := false
	use := func(ctx context.Context, proof session.Key, until time.Time) error {
		if down {
			return session.ErrUnavailable
		}
		return store.Create(ctx, session.Entry{Key: proof, Value: []byte{1}, Expires: until})
	}
	w.v.Use = use
	d := device{w, oidctest.NewKey(t)}
	token := w.token(map[string]any{"cnf": map[string]any{"jkt": d.thumbprint()}})
	proof := d.proof(token, nil, map[string]any{"iat": w.clock.Now().Add(proofSkew).Unix()})
	if err := w.prove(schemeDPoP, token, "/a", proof); err != nil {
		t.Fatal(err)
	}
	for range 2 { // until the last moment at which it would be accepted
		w.v = New(w.v.Config)
		if err := w.prove(schemeDPoP, token, "/a", proof); reasonOf(err) != ReasonProof {
			t.Errorf("at another replica: %v", err)
		}
		w.clock.Advance(proofWindow - time.Second)
	}
	down = true
	if err := w.prove(schemeDPoP, token, "/a", d.proof(token, nil, nil)); !errors.Is(err, session.ErrUnavailable) || reasonOf(err) != "" {
		t.Errorf("the store is down: %v", err)
	}
}

// FuzzProof holds that no text is a proof of a key that has not signed it.
func FuzzProof(f *testing.F) {
	f.Add("a.b.c")
	jwk, _ := json.Marshal(map[string]string{"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"})
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"dpop+jwt","alg":"ES256","jwk":`+string(jwk)+`}`)) + ".e30.AAAA")
	f.Fuzz(func(t *testing.T, proof string) {
		if _, refused := checkProof([]string{proof}, strings.Repeat("a", thumbprintSize), "token", "GET", origin, &url.URL{Path: "/"}, time.Now()); refused == nil {
			t.Errorf("%q was accepted", proof)
		}
	})
}
