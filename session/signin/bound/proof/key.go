package proof

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// The bounds of an RSA key, in bits. A larger one costs too much to verify with.
const (
	minRSA = 2048
	maxRSA = 4096
)

// maxKeySize bounds what ParseKey reads: an RSA key of maxRSA bits has 550 bytes.
const maxKeySize = 1 << 10

// Key is the public key of a device. The zero value is no key.
type Key struct {
	algorithm jose.SignatureAlgorithm
	public    crypto.PublicKey
	der       []byte
}

// ParseKey reads what Bytes returned.
func ParseKey(der []byte) (Key, error) {
	if len(der) > maxKeySize {
		return Key{}, errors.New("device key is too long")
	}
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return Key{}, fmt.Errorf("reading device key: %w", err)
	}
	return newKey(public)
}

// newKey takes the two kinds of keys that a proof may be signed with.
func newKey(public any) (Key, error) {
	k := Key{public: public}
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		if public.Curve != elliptic.P256() {
			return Key{}, fmt.Errorf("%w: not on P-256", ErrKey)
		}
		k.algorithm = jose.ES256
	case *rsa.PublicKey:
		if n := public.N.BitLen(); n < minRSA || n > maxRSA {
			return Key{}, fmt.Errorf("%w: %d bits", ErrKey, n)
		}
		if public.E < 3 || public.E%2 == 0 {
			return Key{}, fmt.Errorf("%w: exponent %d", ErrKey, public.E)
		}
		k.algorithm = jose.RS256
	default:
		return Key{}, fmt.Errorf("%w: neither EC nor RSA", ErrKey)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	k.der = der
	return k, nil
}

// Bytes is the key for a record (SubjectPublicKeyInfo, RFC 5280 section 4.1.2.7). It must not be changed.
func (k Key) Bytes() []byte { return k.der }

// Algorithm is ES256 or RS256, empty for the zero Key.
func (k Key) Algorithm() string { return string(k.algorithm) }

// Thumbprint names the key in logs and in cookies: SHA-256 of Bytes, in base64url. It differs from that of RFC 7638.
func (k Key) Thumbprint() string {
	sum := sha256.Sum256(k.der)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Equal reports whether both are the same key. The zero Key equals no key.
func (k Key) Equal(other Key) bool {
	return len(k.der) > 0 && string(k.der) == string(other.der)
}
