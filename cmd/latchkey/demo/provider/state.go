package provider

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

const (
	// grantLife is how long an unused refresh token works. It outlasts the longest idle limit that Latchkey has by
	// default (90 days), so that the demo never ends a session behind its back.
	grantLife = 100 * 24 * time.Hour
	// maxGrants bounds the state file; the grant that would end first makes room.
	maxGrants = 200
)

// ErrInUse says that another process holds the state file.
var ErrInUse = errors.New("state file is in use by another process")

// errNoGrant answers for a refresh token that is unknown, used before, or too old.
var errNoGrant = errors.New("no such refresh token")

var (
	bucketKeys   = []byte("keys")
	bucketGrants = []byte("grants")
	keySigning   = []byte("signing")
)

// State is what must outlive the process, in one file: the signing key, or id_tokens from before a restart would no
// longer verify, and the refresh tokens, or Latchkey's next recheck would end every session.
type State struct {
	db  *bolt.DB
	key *rsa.PrivateKey
}

// grant is one refresh token family. The file holds a hash of the current token only.
type grant struct {
	Sub      string    `json:"sub"`
	SID      string    `json:"sid"`
	Scopes   []string  `json:"scopes"`
	AuthTime time.Time `json:"auth_time"`
	Expires  time.Time `json:"expires"`
	Hash     []byte    `json:"hash"`
}

// OpenState opens the file at path, or makes it together with a new key. It returns ErrInUse when another process has
// it open.
func OpenState(path string) (*State, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: 500 * time.Millisecond})
	if errors.Is(err, bolt.ErrTimeout) {
		return nil, ErrInUse
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	s := &State{db: db}
	if err := db.Update(s.load); err != nil {
		return nil, errors.Join(fmt.Errorf("reading %s: %w", path, err), db.Close())
	}
	return s, nil
}

func (s *State) load(tx *bolt.Tx) error {
	if _, err := tx.CreateBucketIfNotExists(bucketGrants); err != nil {
		return err
	}
	keys, err := tx.CreateBucketIfNotExists(bucketKeys)
	if err != nil {
		return err
	}
	if der := keys.Get(keySigning); der != nil {
		key, err := x509.ParsePKCS1PrivateKey(der)
		s.key = key
		return err
	}
	if s.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return err
	}
	return keys.Put(keySigning, x509.MarshalPKCS1PrivateKey(s.key))
}

// Close gives the file free.
func (s *State) Close() error { return s.db.Close() }

// newGrant stores g and returns its first refresh token, written "id.secret".
func (s *State) newGrant(g grant, now time.Time) (string, error) {
	id, secret := random(), random()
	g.Expires, g.Hash = now.Add(grantLife), hash(secret)
	err := s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketGrants)
		if err := makeRoom(b, now); err != nil {
			return err
		}
		return put(b, id, g)
	})
	return id + "." + secret, err
}

// rotate exchanges a refresh token for the next of its family. A token that was exchanged before ends the family: one
// of the two who hold it is not the client (RFC 9700, 4.14.2).
func (s *State) rotate(token string, now time.Time) (grant, string, error) {
	id, secret, _ := strings.Cut(token, ".")
	var g grant
	next := random()
	found := false
	err := s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketGrants)
		raw := b.Get([]byte(id))
		if raw == nil {
			return nil
		}
		if err := json.Unmarshal(raw, &g); err != nil {
			return err
		}
		if !now.Before(g.Expires) || subtle.ConstantTimeCompare(g.Hash, hash(secret)) != 1 {
			return b.Delete([]byte(id))
		}
		found = true
		g.Expires, g.Hash = now.Add(grantLife), hash(next)
		return put(b, id, g)
	})
	if err != nil {
		return grant{}, "", err
	}
	if !found {
		return grant{}, "", errNoGrant
	}
	return g, id + "." + next, nil
}

// revoke ends the family that token belongs to, whichever of its tokens it is. An unknown one is no error (RFC 7009, 2.2).
func (s *State) revoke(token string) error {
	id, _, _ := strings.Cut(token, ".")
	return s.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucketGrants).Delete([]byte(id)) })
}

// revokeSID ends the families of one sign-in.
func (s *State) revokeSID(sid string) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		return deleteWhere(tx.Bucket(bucketGrants), func(g grant) bool { return g.SID == sid })
	})
}

func makeRoom(b *bolt.Bucket, now time.Time) error {
	if err := deleteWhere(b, func(g grant) bool { return !now.Before(g.Expires) }); err != nil {
		return err
	}
	var ends []time.Time
	if err := each(b, func(_ []byte, g grant) { ends = append(ends, g.Expires) }); err != nil || len(ends) < maxGrants {
		return err
	}
	first := slices.MinFunc(ends, time.Time.Compare)
	return deleteWhere(b, func(g grant) bool { return !g.Expires.After(first) })
}

func deleteWhere(b *bolt.Bucket, gone func(grant) bool) error {
	var ids [][]byte
	if err := each(b, func(id []byte, g grant) {
		if gone(g) {
			ids = append(ids, slices.Clone(id))
		}
	}); err != nil {
		return err
	}
	for _, id := range ids {
		if err := b.Delete(id); err != nil {
			return err
		}
	}
	return nil
}

func each(b *bolt.Bucket, visit func(id []byte, g grant)) error {
	return b.ForEach(func(id, raw []byte) error {
		var g grant
		if err := json.Unmarshal(raw, &g); err != nil {
			return err
		}
		visit(id, g)
		return nil
	})
}

func put(b *bolt.Bucket, id string, g grant) error {
	raw, err := json.Marshal(g)
	if err != nil {
		return err
	}
	return b.Put([]byte(id), raw)
}

// random returns 256 bits for an id, a code or a secret.
func random() string {
	b := make([]byte, 32)
	rand.Read(b) //nolint:errcheck // never returns an error (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

func hash(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}
