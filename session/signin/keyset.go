package signin

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// KeySetLife is how long others may keep the key set.
const KeySetLife = 5 * time.Minute

// publicKey is a key of the set (RFC 7517, RFC 7518, section 6.2.1).
type publicKey struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	Algorithm string `json:"alg"`
	Use       string `json:"use"`
	ID        string `json:"kid"`
	X         string `json:"x"`
	Y         string `json:"y"`
}

// keys is GET /keys: the public halves of the keys that sign assertions, for the applications that verify them. It is the
// same for everybody; a key stands in it before it signs, and until its key of the ring retires.
func (s *scripts) keys(w http.ResponseWriter, r *http.Request, v *Visit) {
	set := struct {
		Keys []publicKey `json:"keys"`
	}{Keys: []publicKey{}}
	for _, signer := range s.Keys.Signers() {
		x, y, err := signer.Public()
		if err != nil {
			s.fail(w, r, v, "public keys", err)
			return
		}
		set.Keys = append(set.Keys, publicKey{
			KeyType: "EC", Curve: "P-256", Algorithm: "ES256", Use: "sig", ID: signer.ID,
			X: base64.RawURLEncoding.EncodeToString(x), Y: base64.RawURLEncoding.EncodeToString(y),
		})
	}
	body, err := json.Marshal(set)
	if err != nil {
		s.fail(w, r, v, "public keys", err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/jwk-set+json")
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(KeySetLife/time.Second)))
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body) // whoever asked has gone
}
