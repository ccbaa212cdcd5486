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
	"maps"
	"strings"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

const (
	// grantLife is how long an unused refresh token is valid. It is longer than Latchkey's longest default idle limit
	// (90 days), so that the demo's provider never ends a session.
	grantLife = 100 * 24 * time.Hour
	// maxGrants limits the state file; the grant that ends first is removed.
	maxGrants = 200
)

// ErrInUse says that another process holds the state file.
var ErrInUse = errors.New("state file is in use by another process")

// errNoGrant: the refresh token is unknown, already used, or too old.
var errNoGrant = errors.New("no such refresh token")

var (
	bucket    = []byte("provider")
	keyKey    = []byte("signing key")
	keyGrants = []byte("grants")
)

// State is what must survive the process, in one file: the signing key, so that id_tokens from before a restart still
// verify, and the refresh tokens, so that Latchkey's next recheck does not end every session.
type State struct {
	db  *bolt.DB
	key *rsa.PrivateKey

	mu     sync.Mutex
	grants map[string]grant // never changed in place: equals the file
}

// grant is one refresh token family. The file contains only a hash of the current token.
type grant struct {
	Sub      string    `json:"sub"`
	SID      string    `json:"sid"`
	Scopes   []string  `json:"scopes"`
	AuthTime time.Time `json:"auth_time"`
	Expires  time.Time `json:"expires"`
	Hash     []byte    `json:"hash"`
}

// OpenState opens the file at path, or creates it with a new key. It returns ErrInUse if another process has it open.
func OpenState(path string) (*State, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: 500 * time.Millisecond})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, ErrInUse
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	s := &State{db: db, grants: make(map[string]grant)}
	if err := db.Update(s.load); err != nil {
		return nil, errors.Join(fmt.Errorf("reading %s: %w", path, err), db.Close())
	}
	return s, nil
}

func (s *State) load(tx *bolt.Tx) error {
	b, err := tx.CreateBucketIfNotExists(bucket)
	if err != nil {
		return err
	}
	if raw := b.Get(keyGrants); raw != nil {
		if err := json.Unmarshal(raw, &s.grants); err != nil {
			return err
		}
	}
	if der := b.Get(keyKey); der != nil {
		s.key, err = x509.ParsePKCS1PrivateKey(der)
		return err
	}
	if s.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return err
	}
	return b.Put(keyKey, x509.MarshalPKCS1PrivateKey(s.key))
}

// Close releases the file.
func (s *State) Close() error { return s.db.Close() }

// update changes the grants in the file, then in memory.
func (s *State) update(change func(map[string]grant)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := maps.Clone(s.grants)
	change(next)
	raw, err := json.Marshal(next)
	if err != nil {
		return err
	}
	err = s.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucket).Put(keyGrants, raw) })
	if err == nil {
		s.grants = next
	}
	return err
}

// newGrant stores g and returns its first refresh token, written "id.secret".
func (s *State) newGrant(g grant, now time.Time) (string, error) {
	id, secret := random(), random()
	g.Expires, g.Hash = now.Add(grantLife), hash(secret)
	err := s.update(func(m map[string]grant) {
		maps.DeleteFunc(m, func(_ string, old grant) bool { return !now.Before(old.Expires) })
		if len(m) >= maxGrants {
			first := id
			for other, old := range m {
				if first == id || old.Expires.Before(m[first].Expires) {
					first = other
				}
			}
			delete(m, first)
		}
		m[id] = g
	})
	return id + "." + secret, err
}

// rotate exchanges a refresh token for the next one of its family. A token that was already exchanged ends the family:
// one of its two users is not the client (RFC 9700, 4.14.2).
func (s *State) rotate(token string, now time.Time) (g grant, next string, err error) {
	id, secret, _ := strings.Cut(token, ".")
	found, next := false, random()
	err = s.update(func(m map[string]grant) {
		g, found = m[id]
		if !now.Before(g.Expires) || subtle.ConstantTimeCompare(g.Hash, hash(secret)) != 1 {
			found = false
			delete(m, id)
			return
		}
		g.Expires, g.Hash = now.Add(grantLife), hash(next)
		m[id] = g
	})
	switch {
	case err != nil:
		return grant{}, "", err
	case !found:
		return grant{}, "", errNoGrant
	}
	return g, id + "." + next, nil
}

// revoke ends the family of a token, old or current. An unknown token is not an error (RFC 7009, 2.2).
func (s *State) revoke(token string) error {
	id, _, _ := strings.Cut(token, ".")
	return s.update(func(m map[string]grant) { delete(m, id) })
}

// revokeSID ends the families of one sign-in.
func (s *State) revokeSID(sid string) error {
	return s.update(func(m map[string]grant) {
		maps.DeleteFunc(m, func(_ string, g grant) bool { return g.SID == sid })
	})
}

// random returns 256 random bits for an ID, a code or a secret.
func random() string {
	b := make([]byte, 32)
	rand.Read(b) //nolint:errcheck // never returns an error (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

func hash(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}
