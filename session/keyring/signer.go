package keyring

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"time"
)

// Signer signs statements about users, which others verify with its public half (ES256, RFC 7518, section 3.4). It is
// derived from a key of the ring, so every replica has the same one, and it comes and goes with that key.
type Signer struct {
	// ID names the public half (the parameter kid): a hash of it.
	ID  string
	key *ecdsa.PrivateKey
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
	id := sha256.Sum256(point)
	return &Signer{ID: base64.RawURLEncoding.EncodeToString(id[:12]), key: key}, nil
}

// Sign signs SHA-256 of a message: r and s, 32 bytes each.
func (s *Signer) Sign(message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	r, t, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		return nil, err
	}
	out := make([]byte, 64)
	r.FillBytes(out[:32])
	t.FillBytes(out[32:])
	return out, nil
}

// Public returns the coordinates of the public half, 32 bytes each.
func (s *Signer) Public() (x, y []byte, err error) {
	point, err := s.key.PublicKey.Bytes()
	if err != nil {
		return nil, nil, err
	}
	return point[1:33], point[33:], nil
}

// Signers returns one for each key that the ring holds now, the newest first: those whose public halves others may need.
func (r *Ring) Signers() []*Signer {
	keys := r.view()
	all := make([]*Signer, 0, len(keys))
	for i := range keys {
		all = append(all, keys[i].signer)
	}
	return all
}

// Signer returns the newest one that was made before the given time: others have read its public half by then. It is the
// oldest if none was. A key whose time is not known counts as made long ago.
func (r *Ring) Signer(before time.Time) *Signer {
	keys := r.view()
	for i := range keys {
		if keys[i].Created.Before(before) {
			return keys[i].signer
		}
	}
	return keys[len(keys)-1].signer
}
