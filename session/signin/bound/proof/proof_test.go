package proof_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session/signin/bound/proof"
)

const origin = "https://app.example.com"

func ecKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// made is a proof in parts, so that a test can spoil one.
type made struct {
	algorithm jose.SignatureAlgorithm
	key       crypto.Signer
	header    map[string]any
	payload   any // a text is taken as it is
}

// registers is a proof of a first key as a browser makes it.
func registers(algorithm jose.SignatureAlgorithm, key crypto.Signer) made {
	return made{
		algorithm: algorithm, key: key,
		header:  map[string]any{"typ": "dbsc+jwt", "jwk": jose.JSONWebKey{Key: key.Public()}},
		payload: map[string]any{"jti": "challenge", "authorization": "once"},
	}
}

// refreshes is a later proof.
func refreshes(algorithm jose.SignatureAlgorithm, key crypto.Signer) made {
	return made{algorithm: algorithm, key: key, header: map[string]any{"typ": "dbsc+jwt"}, payload: map[string]any{"jti": "challenge"}}
}

func (m made) sign(t testing.TB) string {
	t.Helper()
	options := &jose.SignerOptions{}
	for name, value := range m.header {
		options = options.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: m.algorithm, Key: m.key}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, isText := m.payload.(string)
	if !isText {
		raw, err := json.Marshal(m.payload)
		if err != nil {
			t.Fatal(err)
		}
		payload = string(raw)
	}
	jws, err := signer.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// TestProof: a key registers, is stored, and later proofs must be its own.
func TestProof(t *testing.T) {
	for algorithm, key := range map[jose.SignatureAlgorithm]crypto.Signer{jose.ES256: ecKey(t, elliptic.P256()), jose.RS256: rsaKey(t, 2048)} {
		t.Run(string(algorithm), func(t *testing.T) {
			got, err := proof.Register([]string{registers(algorithm, key).sign(t)}, origin)
			if err != nil {
				t.Fatal(err)
			}
			if got.Challenge != "challenge" || got.Authorization != "once" || got.Key.Algorithm() != string(algorithm) {
				t.Errorf("%+v", got)
			}
			stored, err := proof.ParseKey(got.Key.Bytes())
			if err != nil || !stored.Equal(got.Key) || stored.Thumbprint() != got.Key.Thumbprint() {
				t.Fatalf("the stored key: %v", err)
			}
			later := refreshes(algorithm, key).sign(t)
			for _, header := range []string{later, `"` + later + `"`, " " + later + "\t"} {
				if got, err := proof.Refresh([]string{header}, stored, origin); err != nil || got.Challenge != "challenge" || got.Authorization != "" {
					t.Errorf("%+v, %v", got, err)
				}
			}
		})
	}
}

// V8: TestBadProof: every proof that is not what it should be, with the error that the caller tells apart.
func TestBadProof(t *testing.T) {
	ec, other, rs := ecKey(t, elliptic.P256()), ecKey(t, elliptic.P256()), rsaKey(t, 2048)
	first, err := proof.Register([]string{registers(jose.ES256, ec).sign(t)}, origin)
	if err != nil {
		t.Fatal(err)
	}
	claims := func(more map[string]any) map[string]any {
		all := map[string]any{"jti": "challenge"}
		for name, value := range more {
			all[name] = value
		}
		return all
	}
	with := func(m made, payload any, header map[string]any) string {
		m.payload = payload
		for name, value := range header {
			m.header[name] = value
		}
		return m.sign(t)
	}
	good := refreshes(jose.ES256, ec).sign(t)
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"dbsc+jwt"}`)) + good[strings.Index(good, "."):strings.LastIndex(good, ".")+1]
	for name, c := range map[string]struct {
		header []string
		want   error
	}{
		"none":                    {nil, proof.ErrNone},
		"an empty one":            {[]string{""}, proof.ErrNone},
		"two":                     {[]string{good, good}, proof.ErrMalformed},
		"no token":                {[]string{"yes"}, proof.ErrMalformed},
		"one quote":               {[]string{`"` + good}, proof.ErrMalformed},
		"too long":                {[]string{good + strings.Repeat("A", 4<<10)}, proof.ErrMalformed},
		"alg none":                {[]string{unsigned}, proof.ErrMalformed},
		"another algorithm":       {[]string{refreshes(jose.PS256, rs).sign(t)}, proof.ErrMalformed},
		"a larger curve":          {[]string{refreshes(jose.ES384, ecKey(t, elliptic.P384())).sign(t)}, proof.ErrMalformed},
		"another key":             {[]string{refreshes(jose.ES256, other).sign(t)}, proof.ErrSignature},
		"another kind of key":     {[]string{refreshes(jose.RS256, rs).sign(t)}, proof.ErrSignature},
		"a signature cut short":   {[]string{good[:len(good)-4]}, proof.ErrSignature},
		"a jwk":                   {[]string{registers(jose.ES256, ec).sign(t)}, proof.ErrMalformed},
		"another type":            {[]string{with(refreshes(jose.ES256, ec), claims(nil), map[string]any{"typ": "JWT"})}, proof.ErrMalformed},
		"a type that is no text":  {[]string{with(refreshes(jose.ES256, ec), claims(nil), map[string]any{"typ": 1})}, proof.ErrMalformed},
		"an extension":            {[]string{with(refreshes(jose.ES256, ec), claims(nil), map[string]any{"crit": []string{"x"}, "x": 1})}, proof.ErrSignature},
		"no challenge":            {[]string{with(refreshes(jose.ES256, ec), map[string]any{}, nil)}, proof.ErrMalformed},
		"an empty challenge":      {[]string{with(refreshes(jose.ES256, ec), claims(map[string]any{"jti": ""}), nil)}, proof.ErrMalformed},
		"a challenge of numbers":  {[]string{with(refreshes(jose.ES256, ec), claims(map[string]any{"jti": 7}), nil)}, proof.ErrMalformed},
		"a long challenge":        {[]string{with(refreshes(jose.ES256, ec), claims(map[string]any{"jti": strings.Repeat("x", 1<<10)}), nil)}, proof.ErrMalformed},
		"an authorization of ...": {[]string{with(refreshes(jose.ES256, ec), claims(map[string]any{"authorization": []string{"x"}}), nil)}, proof.ErrMalformed},
		"the audience of another": {[]string{with(refreshes(jose.ES256, ec), claims(map[string]any{"aud": "https://app.example.com.evil.example/x"}), nil)}, proof.ErrMalformed},
		"an audience of numbers":  {[]string{with(refreshes(jose.ES256, ec), claims(map[string]any{"aud": 7}), nil)}, proof.ErrMalformed},
		"no JSON":                 {[]string{with(refreshes(jose.ES256, ec), "challenge", nil)}, proof.ErrMalformed},
		"a list":                  {[]string{with(refreshes(jose.ES256, ec), `["jti"]`, nil)}, proof.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := proof.Refresh(c.header, first.Key, origin); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	if _, err := proof.Refresh([]string{good}, proof.Key{}, origin); !errors.Is(err, proof.ErrSignature) {
		t.Errorf("without a key: %v", err)
	}
	for _, aud := range []any{origin + "/.latchkey/bound/refresh", []string{"https://other.example", origin}} {
		if _, err := proof.Refresh([]string{with(refreshes(jose.ES256, ec), claims(map[string]any{"aud": aud}), nil)}, first.Key, origin); err != nil {
			t.Errorf("aud %v: %v", aud, err)
		}
	}
	if _, err := proof.Refresh([]string{with(refreshes(jose.ES256, ec), claims(map[string]any{"iat": 1, "sub": "x"}), nil)}, first.Key, origin); err != nil {
		t.Errorf("claims that are not known: %v", err)
	}
}

// TestBadKey: keys that no session is bound to.
func TestBadKey(t *testing.T) {
	ec, rs := ecKey(t, elliptic.P256()), rsaKey(t, 2048)
	jwk := func(m made, jwk any) string {
		m.header["jwk"] = jwk
		return m.sign(t)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	outside := new(big.Int).Add(ec.X, big.NewInt(1)).FillBytes(make([]byte, 32))
	wide := new(big.Int).Lsh(rs.N, 2200)
	for name, c := range map[string]struct {
		proof string
		want  error
	}{
		"no key":             {refreshes(jose.ES256, ec).sign(t), proof.ErrMalformed},
		"a short RSA key":    {registers(jose.RS256, rsaKey(t, 1024)).sign(t), proof.ErrKey},
		"a long RSA key":     {jwk(registers(jose.RS256, rs), jose.JSONWebKey{Key: &rsa.PublicKey{N: wide, E: 65537}}), proof.ErrMalformed},
		"an even exponent":   {jwk(registers(jose.RS256, rs), jose.JSONWebKey{Key: &rsa.PublicKey{N: rs.N, E: 65536}}), proof.ErrKey},
		"a larger curve":     {jwk(registers(jose.ES256, ec), jose.JSONWebKey{Key: ecKey(t, elliptic.P384()).Public()}), proof.ErrKey},
		"a secret":           {jwk(registers(jose.ES256, ec), map[string]any{"kty": "oct", "k": b64(outside)}), proof.ErrMalformed},
		"a private key":      {jwk(registers(jose.ES256, ec), jose.JSONWebKey{Key: ec}), proof.ErrMalformed},
		"a point off it":     {jwk(registers(jose.ES256, ec), map[string]any{"kty": "EC", "crv": "P-256", "x": b64(outside), "y": b64(ec.Y.FillBytes(make([]byte, 32)))}), proof.ErrMalformed},
		"the key of another": {jwk(registers(jose.ES256, ec), jose.JSONWebKey{Key: ecKey(t, elliptic.P256()).Public()}), proof.ErrSignature},
		"another kind":       {jwk(registers(jose.ES256, ec), jose.JSONWebKey{Key: rs.Public()}), proof.ErrSignature},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := proof.Register([]string{c.proof}, origin); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	for name, der := range map[string][]byte{"nothing": nil, "no key": []byte("key"), "a long one": make([]byte, 2<<10)} {
		if _, err := proof.ParseKey(der); err == nil {
			t.Errorf("%s was read as a key", name)
		}
	}
	long, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: wide, E: 65537})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := proof.ParseKey(long); !errors.Is(err, proof.ErrKey) {
		t.Errorf("a stored RSA key of %d bits: %v", wide.BitLen(), err)
	}
	if (proof.Key{}).Equal(proof.Key{}) {
		t.Error("no key equals no key")
	}
}

// FuzzProof: whatever comes in the header, it is answered with one of the four errors, and never with a proof: the key that
// signed the seeds is not the one that is asked for.
func FuzzProof(f *testing.F) {
	ec := ecKey(f, elliptic.P256())
	f.Add(refreshes(jose.ES256, ec).sign(f))
	f.Add(registers(jose.ES256, ec).sign(f))
	f.Add(`"e30.e30.e30"`)
	held, err := proof.Register([]string{registers(jose.ES256, ecKey(f, elliptic.P256())).sign(f)}, origin)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header string) {
		_, err := proof.Refresh([]string{header}, held.Key, origin)
		if err == nil {
			t.Fatal("a proof of another key was taken")
		}
		if !errors.Is(err, proof.ErrNone) && !errors.Is(err, proof.ErrMalformed) && !errors.Is(err, proof.ErrSignature) {
			t.Errorf("%v", err)
		}
		if p, err := proof.Register([]string{header}, origin); err == nil && p.Challenge == "" {
			t.Error("a registration without a challenge was taken")
		}
	})
}
