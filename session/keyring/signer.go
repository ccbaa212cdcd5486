package keyring

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Signer signs statements about users, which others verify with its public half (ES256). It is derived from a key of
// the ring: all replicas have the same one, and it is in the ring as long as that key.
type Signer struct {
	// ID names the public half (the parameter kid): a hash of it.
	ID     string
	public jose.JSONWebKey
	signer jose.Signer
}

// newSigner derives a P-256 key: 48 bytes reduced to the field (FIPS 186-5, appendix A.2.1).
func newSigner(secret []byte) (*Signer, error) {
	wide, err := derive(secret, "assertion", 48)
	if err != nil {
		return nil, err
	}
	curve, one := elliptic.P256(), big.NewInt(1)
	d := new(big.Int).SetBytes(wide)
	d.Mod(d, new(big.Int).Sub(curve.Params().N, one)).Add(d, one)
	key, err := ecdsa.ParseRawPrivateKey(curve, d.FillBytes(make([]byte, 32)))
	if err != nil {
		return nil, err
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(point)
	id := base64.RawURLEncoding.EncodeToString(sum[:12])
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: id}},
		new(jose.SignerOptions).WithType("JWT"),
	)
	if err != nil {
		return nil, err
	}
	public := jose.JSONWebKey{Key: &key.PublicKey, KeyID: id, Algorithm: string(jose.ES256), Use: "sig"}
	return &Signer{ID: id, public: public, signer: signer}, nil
}

// Sign returns the JWT of claims, which are JSON, in compact serialization.
func (s *Signer) Sign(claims []byte) (string, error) {
	signed, err := s.signer.Sign(claims)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// PublicKeys returns the public half of the signer of each key that the ring holds now, the newest first: those that a
// verifier may need.
func (r *Ring) PublicKeys() jose.JSONWebKeySet {
	keys := r.held.Load().keys
	set := jose.JSONWebKeySet{Keys: make([]jose.JSONWebKey, 0, len(keys))}
	for i := range keys {
		set.Keys = append(set.Keys, keys[i].signer.public)
	}
	return set
}

// Signer returns the newest signer that was created before the given time, so that verifiers have its public key
// already. If there is none it returns the oldest. A key with an unknown time counts as old.
func (r *Ring) Signer(before time.Time) *Signer {
	h := r.held.Load()
	i := slices.IndexFunc(h.list, func(k Info) bool { return k.Created.Before(before) })
	if i < 0 {
		i = len(h.keys) - 1
	}
	return h.keys[i].signer
}
