package boundtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"regexp"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// Device has the key of one device. A zero Device is of no use; see New.
type Device struct {
	t   testing.TB
	key *ecdsa.PrivateKey
}

// New returns a device with a key of its own.
func New(t testing.TB) *Device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &Device{t: t, key: key}
}

// Registration returns the proof that answers an offer.
func (d *Device) Registration(o Offer) string {
	d.t.Helper()
	return d.sign(map[string]any{"jti": o.Challenge, "authorization": o.Authorization},
		map[jose.HeaderKey]any{"typ": "dbsc+jwt", "jwk": jose.JSONWebKey{Key: d.key.Public()}})
}

// Proof returns the proof that answers a challenge.
func (d *Device) Proof(challenge string) string {
	d.t.Helper()
	return d.sign(map[string]any{"jti": challenge}, map[jose.HeaderKey]any{"typ": "dbsc+jwt"})
}

func (d *Device) sign(payload map[string]any, header map[jose.HeaderKey]any) string {
	d.t.Helper()
	plain, err := json.Marshal(payload)
	if err != nil {
		d.t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: d.key}, &jose.SignerOptions{ExtraHeaders: header})
	if err != nil {
		d.t.Fatal(err)
	}
	signed, err := signer.Sign(plain)
	if err != nil {
		d.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

// Offer is what a server offers in the header Secure-Session-Registration.
type Offer struct{ Path, Challenge, Authorization string }

var (
	offer     = regexp.MustCompile(`^\(ES256 RS256\);path="([^"]+)";challenge="([^"]+)";authorization="([^"]+)"$`)
	challenge = regexp.MustCompile(`^"([^"]+)";id="([^"]+)"$`)
)

// ReadOffer returns the offer of an answer; false if there is none.
func ReadOffer(t testing.TB, h http.Header) (Offer, bool) {
	t.Helper()
	text := h.Get("Secure-Session-Registration")
	if text == "" {
		return Offer{}, false
	}
	m := offer.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no browser reads this offer: %s", text)
	}
	return Offer{Path: m[1], Challenge: m[2], Authorization: m[3]}, true
}

// ReadChallenge returns the challenge of an answer and the session that it is for; empty if there is none.
func ReadChallenge(t testing.TB, h http.Header) (text, session string) {
	t.Helper()
	raw := h.Get("Secure-Session-Challenge")
	if raw == "" {
		return "", ""
	}
	m := challenge.FindStringSubmatch(raw)
	if m == nil {
		t.Fatalf("no browser reads this challenge: %s", raw)
	}
	return m[1], m[2]
}
