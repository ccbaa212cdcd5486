package dpop

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// server notes proofs, and demands a nonce if it has one.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	nonce  string
	refuse func(w http.ResponseWriter)
	proofs []map[string]any
	keys   []string
	bodies []string
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{}
	s.refuse = func(w http.ResponseWriter) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"use_dpop_nonce"}`)
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		claims, key := read(t, r.Header.Get("DPoP"))
		body, _ := io.ReadAll(r.Body)
		s.proofs, s.keys, s.bodies = append(s.proofs, claims), append(s.keys, key), append(s.bodies, string(body))
		if s.nonce != "" {
			w.Header().Set("DPoP-Nonce", s.nonce)
			if claims["nonce"] != s.nonce {
				s.refuse(w)
				return
			}
		}
		_, _ = io.WriteString(w, "ok")
	}))
	t.Cleanup(s.Close)
	return s
}

// read verifies a proof as a server does (RFC 9449, section 4.3), and returns its claims and the thumbprint of its key.
func read(t *testing.T, proof string) (claims map[string]any, thumb string) {
	t.Helper()
	jws, err := jose.ParseSignedCompact(proof, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Errorf("proof: %v", err)
		return nil, ""
	}
	header := jws.Signatures[0].Protected
	if header.ExtraHeaders["typ"] != "dpop+jwt" || header.JSONWebKey == nil || !header.JSONWebKey.IsPublic() {
		t.Errorf("header %+v", header)
		return nil, ""
	}
	payload, err := jws.Verify(header.JSONWebKey)
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		t.Errorf("proof: %v", err)
	}
	sum, err := header.JSONWebKey.Thumbprint(crypto.SHA256)
	if err != nil {
		t.Error(err)
	}
	return claims, base64.RawURLEncoding.EncodeToString(sum)
}

func client(t *testing.T, s *server) (*http.Client, *Proving) {
	t.Helper()
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	p := &Proving{Key: key, Nonces: new(Nonces), Next: s.Client().Transport, Now: time.Now}
	return &http.Client{Transport: p}, p
}

func (s *server) send(t *testing.T, c *http.Client, path, token string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader("code=c"))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // a test's own
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

// RFC 9449, section 4.2: what a proof states, and that it says the hash of an access token where one is presented.
func TestProof(t *testing.T) {
	s := newServer(t)
	c, _ := client(t, s)
	s.send(t, c, "/token?a=b", "")
	s.send(t, c, "/me", "DPoP access")
	s.send(t, c, "/graph", "Bearer access")
	first, second, third := s.proofs[0], s.proofs[1], s.proofs[2]
	if first["htm"] != http.MethodPost || first["htu"] != s.URL+"/token" || first["ath"] != nil || first["nonce"] != nil {
		t.Errorf("at the token endpoint: %v", first)
	}
	sum := sha256.Sum256([]byte("access"))
	if second["ath"] != base64.RawURLEncoding.EncodeToString(sum[:]) {
		t.Errorf("with a token: %v", second)
	}
	if third["ath"] != nil {
		t.Errorf("with a bearer token: %v", third)
	}
	if first["jti"] == second["jti"] || first["jti"] == "" {
		t.Errorf("jti %v and %v", first["jti"], second["jti"])
	}
	if at, _ := first["iat"].(float64); time.Since(time.Unix(int64(at), 0)).Abs() > time.Minute {
		t.Errorf("iat %v", first["iat"])
	}
}

// RFC 9449, sections 8 and 9: a refusal for the nonce alone is answered with the nonce, once; the form is sent again. The
// nonce is then known, and a new one is taken up from any answer.
func TestNonce(t *testing.T) {
	for name, refuse := range map[string]func(http.ResponseWriter){
		"token endpoint": nil,
		"resource": func(w http.ResponseWriter) {
			w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce", error_description="nonce"`)
			w.WriteHeader(http.StatusUnauthorized)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			if s.nonce = "one"; refuse != nil {
				s.refuse = refuse
			}
			c, _ := client(t, s)
			if status, body := s.send(t, c, "/", ""); status != http.StatusOK || body != "ok" || len(s.proofs) != 2 || s.bodies[1] != "code=c" {
				t.Fatalf("%d %q after %d requests, the last with %q", status, body, len(s.proofs), s.bodies[len(s.bodies)-1])
			}
			s.send(t, c, "/", "")
			if len(s.proofs) != 3 {
				t.Errorf("a known nonce: %d requests", len(s.proofs))
			}
			s.nonce = "two"
			if status, _ := s.send(t, c, "/", ""); status != http.StatusOK || len(s.proofs) != 5 {
				t.Errorf("a new nonce: %d after %d requests", status, len(s.proofs))
			}
		})
	}
}

// A server that is never content is asked twice. Another refusal is not repeated, and its body arrives.
func TestNonceOnce(t *testing.T) {
	s := newServer(t)
	n := 0
	s.nonce = "x"
	s.refuse = func(w http.ResponseWriter) {
		n++
		w.Header().Set("DPoP-Nonce", strings.Repeat("x", n+1))
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"use_dpop_nonce"}`)
	}
	c, _ := client(t, s)
	if status, body := s.send(t, c, "/", ""); status != http.StatusBadRequest || n != 2 || !strings.Contains(body, "use_dpop_nonce") {
		t.Errorf("%d %q after %d refusals", status, body, n)
	}
	n, s.refuse = 0, func(w http.ResponseWriter) {
		n++
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant"}`)
	}
	if status, body := s.send(t, c, "/", ""); status != http.StatusBadRequest || n != 1 || !strings.Contains(body, "invalid_grant") {
		t.Errorf("%d %q after %d refusals", status, body, n)
	}
}

// What is kept of nonces is bounded, in number and length.
func TestNoncesAreBounded(t *testing.T) {
	var n Nonces
	for i := range 10 * maxOrigins {
		n.learn("https://"+strings.Repeat("a", i), "n")
	}
	if len(n.last) > maxOrigins {
		t.Errorf("%d origins", len(n.last))
	}
	n.learn("https://long", strings.Repeat("n", maxNonce+1))
	if n.of("https://long") != "" {
		t.Error("a nonce of any length is kept")
	}
}

// A key survives being kept; what is no key is refused.
func TestKeyIsKept(t *testing.T) {
	s := newServer(t)
	c, p := client(t, s)
	s.send(t, c, "/", "")
	raw, err := p.Key.Bytes()
	if err != nil || len(raw) != 32 {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	if p.Key, err = ParseKey(raw); err != nil {
		t.Fatal(err)
	}
	s.send(t, c, "/", "")
	if s.keys[0] != s.keys[1] {
		t.Error("it is another key")
	}
	for _, bad := range [][]byte{nil, raw[:31], append(bytes.Clone(raw), 0), make([]byte, 32)} {
		if _, err := ParseKey(bad); err == nil {
			t.Errorf("%d bytes are a key", len(bad))
		}
	}
}
