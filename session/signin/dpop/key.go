package dpop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Algorithm signs all proofs. RFC 9449 leaves the choice to the client, and section 5.1 lets a provider list what it
// accepts.
const Algorithm = string(jose.ES256)

// Key is the key of one session.
type Key struct{ private *ecdsa.PrivateKey }

// NewKey makes a key.
func NewKey() (*Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making dpop key: %w", err)
	}
	return &Key{private}, nil
}

// ParseKey reads what Bytes returned.
func ParseKey(raw []byte) (*Key, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
	if err != nil {
		return nil, errors.New("dpop key cannot be read")
	}
	return &Key{private}, nil
}

// Bytes returns the private key, 32 bytes. It must be kept sealed.
func (k *Key) Bytes() ([]byte, error) {
	raw, err := k.private.Bytes()
	if err != nil {
		return nil, errors.New("dpop key cannot be written")
	}
	return raw, nil
}

// Thumbprint returns the thumbprint of the public key (RFC 7638): the parameter dpop_jkt of an authorization request (RFC
// 9449, section 10).
func (k *Key) Thumbprint() (string, error) {
	sum, err := (&jose.JSONWebKey{Key: k.private.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", errors.New("dpop key has no thumbprint")
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// proof is what a proof states (RFC 9449, section 4.2).
type proof struct {
	ID     string `json:"jti"`
	Method string `json:"htm"`
	URL    string `json:"htu"`
	Issued int64  `json:"iat"`
	// TokenHash is for requests with an access token alone.
	TokenHash string `json:"ath,omitempty"`
	Nonce     string `json:"nonce,omitempty"`
}

// prove signs a proof for one request. token is the access token that the request presents; empty if none.
func (k *Key) prove(method, url, token, nonce string, now time.Time) (string, error) {
	p := proof{ID: rand.Text(), Method: method, URL: url, Issued: now.Unix(), Nonce: nonce}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		p.TokenHash = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	payload, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k.private},
		(&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}
