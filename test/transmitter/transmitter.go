package transmitter

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session"
)

// Audience is what the transmitter writes as aud.
const Audience = "https://gateway.example.com"

// The prefixes of the events.
const (
	CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
	RISC = "https://schemas.openid.net/secevent/risc/event-type/"
	SSF  = "https://schemas.openid.net/secevent/ssf/event-type/"
)

// Map is an object of JSON.
type Map = map[string]any

// Transmitter sends events.
type Transmitter struct {
	Issuer string
	t      testing.TB

	mu  sync.Mutex
	key *ecdsa.PrivateKey
	kid string
	// Down: neither metadata nor keys can be had.
	Down    atomic.Bool
	asks    atomic.Int64
	streams streams
	queue   queue
}

// New starts a transmitter on a loopback port. It ends with the test.
func New(t testing.TB) *Transmitter {
	t.Helper()
	tr := &Transmitter{t: t}
	tr.Rotate()
	server := httptest.NewServer(http.HandlerFunc(tr.serve))
	t.Cleanup(server.Close)
	tr.Issuer = server.URL + "/realm"
	return tr
}

// Rotate makes a new key, which is the only one from now on.
func (tr *Transmitter) Rotate() {
	tr.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.key, tr.kid = key, session.NewRandom(6)
}

// Imitate gives the key the ID of another transmitter's.
func (tr *Transmitter) Imitate(other *Transmitter) {
	_, kid := other.current()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.kid = kid
}

func (tr *Transmitter) current() (key *ecdsa.PrivateKey, kid string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.key, tr.kid
}

// KeyFetches is how often the keys were asked for.
func (tr *Transmitter) KeyFetches() int { return int(tr.asks.Load()) }

func (tr *Transmitter) serve(w http.ResponseWriter, r *http.Request) {
	var answer any
	switch {
	case tr.Down.Load():
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case r.URL.Path == "/.well-known/ssf-configuration/realm":
		meta := Map{"issuer": tr.Issuer, "jwks_uri": "http://" + r.Host + "/keys", "spec_version": "1_0"}
		maps.Copy(meta, endpoints("http://"+r.Host))
		answer = meta
	case r.URL.Path == "/keys":
		tr.asks.Add(1)
		key, kid := tr.current()
		answer = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: kid, Use: "sig"}}}
	default:
		if !tr.manage(w, r) && !tr.polled(w, r) {
			http.NotFound(w, r)
		}
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// Token is a signed event with everything that it needs. Members of header and claims replace those; nil removes one.
func (tr *Transmitter) Token(event string, subject any, header, claims Map) string {
	tr.t.Helper()
	all := Map{
		"iss": tr.Issuer, "aud": Audience, "iat": time.Now().Unix(), "jti": session.NewRandom(12), "sub_id": subject,
		"events": Map{event: Map{"event_timestamp": time.Now().Unix()}},
	}
	top := Map{"typ": "secevent+jwt"}
	maps.Copy(all, claims)
	maps.Copy(top, header)
	return tr.sign(top, all)
}

// Assertion proves that the transmitter sends a request for revocation, as Okta's does. Members of claims replace those.
func (tr *Transmitter) Assertion(client string, claims Map) string {
	tr.t.Helper()
	now := time.Now()
	all := Map{
		"iss": tr.Issuer, "sub": client, "aud": Audience, "jti": session.NewRandom(12), "iat": now.Unix(),
		"nbf": now.Add(-5 * time.Minute).Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	maps.Copy(all, claims)
	return tr.sign(Map{"typ": "global-token-revocation+jwt"}, all)
}

// sign signs a token; nil removes a member.
func (tr *Transmitter) sign(top, all Map) string {
	tr.t.Helper()
	for _, m := range []Map{all, top} {
		maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	}
	options := &jose.SignerOptions{}
	for k, v := range top {
		options = options.WithHeader(jose.HeaderKey(k), v)
	}
	key, kid := tr.current()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, options)
	if err != nil {
		tr.t.Fatal(err)
	}
	payload, err := json.Marshal(all)
	if err != nil {
		tr.t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		tr.t.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		tr.t.Fatal(err)
	}
	return raw
}

// Revoke orders that all sessions of a subject end, and returns the status of the answer.
func (tr *Transmitter) Revoke(url, credential string, subject any) int {
	tr.t.Helper()
	body, err := json.Marshal(Map{"sub_id": subject})
	if err != nil {
		tr.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(tr.t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		tr.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+credential)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		tr.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// Answer is what a receiver answers.
type Answer struct {
	Status int
	// Err is the word of RFC 8935, empty for a status that has none.
	Err string
}

// Push sends a token as RFC 8935 says.
func (tr *Transmitter) Push(url, token string, header ...string) Answer {
	tr.t.Helper()
	a, err := TryPush(http.DefaultClient, url, token, header...)
	if err != nil {
		tr.t.Fatal(err)
	}
	return a
}

// TryPush is Push with a client, to a receiver that may not answer.
func TryPush(c *http.Client, url, token string, header ...string) (Answer, error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, strings.NewReader(token))
	if err != nil {
		return Answer{}, err
	}
	r.Header.Set("Content-Type", "application/secevent+jwt")
	r.Header.Set("Accept", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return Answer{}, err
	}
	var said struct {
		Err string `json:"err"`
	}
	_ = json.Unmarshal(body, &said)
	return Answer{resp.StatusCode, said.Err}, nil
}

// User is a subject by issuer and sub, Mail one by address.
func User(issuer, sub string) Map { return Map{"format": "iss_sub", "iss": issuer, "sub": sub} }

// Mail is a subject by address.
func Mail(address string) Map { return Map{"format": "email", "email": address} }
