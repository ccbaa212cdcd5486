package session

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unique"

	"github.com/latchkey-gateway/latchkey/session/internal/pack"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// Session is one sign-in of one browser, as Manager returns it. It has the fields that almost every request needs. The
// rest, its Record, stays packed until a caller asks for it. A session is immutable and may be shared between
// goroutines (A30).
//
// There may be tens of thousands, and every garbage collection scans them all. Therefore a Session is one block of
// memory with almost no pointers.
type Session struct {
	ID   ID
	Kind Kind
	// Renewable is Record.Renewable; KnownDevice is the result of Record.KnownDevice.
	Renewable, KnownDevice bool
	// Bound: the session is bound to a key of its device. Its cookie alone is then not enough. Outdated is the result of
	// Record.Outdated.
	Bound, Outdated bool
	keys            uint8 // how many keys were registered, see parts

	sealedUnder keyring.ID
	version     uint64
	from        unique.Handle[origin]
	person      digest // digest of the mark that ends all sessions of the user
	limit       Limit
	// In milliseconds since 1970.
	created, lastUsed, began, groupsAsOf, lastAnswer int64

	packed []byte
	ready  atomic.Pointer[any]
}

// origin is shared by the sessions of all users who signed in at the same provider.
type origin struct {
	provider, issuer string
	mark             digest // digest of the mark that ends all sessions of the provider
}

// view returns the session of a record whose packed form is packed.
func (s *Record) view(packed []byte) Session {
	return Session{
		ID: s.ID, Kind: s.Kind, Renewable: s.Renewable, KnownDevice: s.KnownDevice(), Bound: s.Binding.Bound(), Outdated: s.Outdated(),
		sealedUnder: s.sealedUnder, version: s.Version, limit: s.Limit,
		from:    unique.Make(origin{s.Provider, s.Identity.Issuer, providerMark(s.Provider)}),
		person:  personMark(s.Identity),
		created: s.Created.UnixMilli(), lastUsed: s.LastUsed.UnixMilli(), began: s.began().UnixMilli(), groupsAsOf: s.GroupsAsOf.UnixMilli(),
		lastAnswer: s.LastAnswer().UnixMilli(),
		packed:     s.appendBinding(packed), keys: s.Binding.count(),
	}
}

// Unstored returns a session that no store has: what the token of a program says of its user, in the form in which a site
// uses a session. It has no cookie, and no Manager finds it by its ID. Manager.Stands says whether it may be used.
func (s *Record) Unstored() (*Session, error) {
	c := s.clone()
	c.Limit = Limit{Idle: markLife, Max: markLife} // the token has its own end
	c.roundTimes()
	if err := c.valid(); err != nil {
		return nil, fmt.Errorf("keeping what a token says: %w", err)
	}
	plain, tail := c.encode()
	packed, err := pack.Pack(plain, tail)
	if err != nil {
		return nil, fmt.Errorf("keeping what a token says: %w", err)
	}
	if len(packed) > MaxValue {
		return nil, fmt.Errorf("keeping what a token says: %d bytes", len(packed))
	}
	out := c.view(packed)
	return &out, nil
}

// Size returns the memory that the session needs for its record, in bytes.
func (s *Session) Size() int { return len(s.packed) }

func (b *Binding) count() (n uint8) {
	for range b.Keys {
		n++
	}
	return n
}

// appendBinding appends what stands behind the packed record of a session that has a key: the names of its keys, and
// since when the session is bound. A session without a key needs no memory for it.
func (s *Record) appendBinding(packed []byte) []byte {
	if len(s.Binding.Key) == 0 {
		return packed
	}
	packed = slices.Clip(packed)
	for k := range s.Binding.Keys {
		id := k.KeyID()
		packed = append(packed, id[:]...)
	}
	return binary.BigEndian.AppendUint64(packed, uint64(s.Binding.Since.UnixMilli())) //nolint:gosec // read back as it was
}

// The fields of a DeviceKey.
const (
	keyPlace = iota + 1
	keyIdentifier
	keyBytes
	keyAlgorithm
	keyRegistered
)

func (k *DeviceKey) encode() []byte {
	var w pack.FieldWriter
	w.Str(keyPlace, k.Place)
	w.Str(keyIdentifier, k.Identifier)
	w.Bytes(keyBytes, k.Key)
	w.Str(keyAlgorithm, k.Algorithm)
	w.Time(keyRegistered, k.Registered)
	return w.Out
}

func decodeKey(data []byte) (k DeviceKey, err error) {
	r := pack.FieldReader{Data: data}
	for r.Next() {
		switch r.Tag {
		case keyPlace:
			k.Place = string(r.Value)
		case keyIdentifier:
			k.Identifier = string(r.Value)
		case keyBytes:
			k.Key = r.Blob()
		case keyAlgorithm:
			k.Algorithm = string(r.Value)
		case keyRegistered:
			r.Time(&k.Registered)
		}
	}
	if len(k.Key) == 0 {
		return k, pack.ErrMalformed
	}
	return k, r.Err
}

// parts returns the packed record and what stands behind it: the names of the keys, and since when it is bound.
func (s *Session) parts() (packed, keys, since []byte) {
	if s.keys == 0 {
		return s.packed, nil, nil
	}
	end := len(s.packed) - 8
	start := end - int(s.keys)*len(KeyID{})
	return s.packed[:start], s.packed[start:end], s.packed[end:]
}

// Record decodes the whole record. It decodes at every call, which takes about sixty times as long as looking the
// session up; only the first call after the session was created here has its record at once. An error means a bug or a memory fault, because the packed form was readable when it was stored here.
func (s *Session) Record() (*Record, error) {
	if made := s.takeMade(); made != nil {
		return made, nil
	}
	packed, _, _ := s.parts()
	r, err := readRecord(packed)
	if err != nil {
		return nil, fmt.Errorf("reading session: %w", err)
	}
	r.Version, r.sealedUnder, r.session = s.version, s.sealedUnder, s
	return r, nil
}

// Session returns what Manager.Load returns for this record; nil for a draft.
func (s *Record) Session() *Session { return s.session }

// Provider returns Record.Provider.
func (s *Session) Provider() string { return s.from.Value().provider }

// Issuer returns the issuer of Record.Identity.
func (s *Session) Issuer() string { return s.from.Value().issuer }

// Created is Record.Created.
func (s *Session) Created() time.Time { return time.UnixMilli(s.created).UTC() }

// LastUsed is Record.LastUsed.
func (s *Session) LastUsed() time.Time { return time.UnixMilli(s.lastUsed).UTC() }

// GroupsAsOf is Record.GroupsAsOf.
func (s *Session) GroupsAsOf() time.Time { return time.UnixMilli(s.groupsAsOf).UTC() }

// LastAnswer is Record.LastAnswer.
func (s *Session) LastAnswer() time.Time { return time.UnixMilli(s.lastAnswer).UTC() }

// Keyed reports whether a key of a device was registered for the session.
func (s *Session) Keyed() bool { return s.keys > 0 }

// Has reports whether one of the keys that were registered for the session has this name.
func (s *Session) Has(key KeyID) bool {
	_, keys, _ := s.parts()
	for ; len(keys) > 0; keys = keys[len(key):] {
		if KeyID(keys) == key {
			return true
		}
	}
	return false
}

// BoundSince is Binding.Since of a session that is Bound.
func (s *Session) BoundSince() time.Time {
	_, _, since := s.parts()
	if since == nil {
		return time.Time{}
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(since))).UTC() //nolint:gosec // as appended
}

func (s *Session) span() span {
	return span{kind: s.Kind, bound: s.Bound, limit: s.limit, created: s.Created(), lastUsed: s.LastUsed()}
}

// touchDue reports whether the recorded last use is old enough to be written again.
func (s *Session) touchDue(at time.Time, now Limits) bool {
	p := s.span()
	return p.touchDue(at, now)
}

// Ready returns the value that a caller has kept with this record by KeepReady, nil if there is none: data derived from
// the record, so that the next request need not compute it again. It is dropped together with the record, so it is
// never older.
func (s *Session) Ready() any {
	v := s.ready.Load()
	if v == nil {
		return nil
	}
	if _, own := (*v).(*madeRecord); own {
		return nil
	}
	return *v
}

// KeepReady keeps a value with the record, for Ready, and replaces the previous one. The value must not change
// afterwards. It is passed by its address, so that it can be part of the object to which it points.
func (s *Session) KeepReady(v *any) { s.ready.Store(v) }

func providerMark(name string) digest { return hash("rb", "provider", name) }

func personMark(who Identity) digest { return hash("rb", "person", who.Issuer, who.Subject) }

// maxMade is for how many sessions the record is kept until the first page: a browser asks for that at once.
const maxMade = 256

// madeRecord is the record of a session that was just created here. It is in the place of what a caller keeps with the
// session, so that it takes no space in sessions that are older.
type madeRecord struct{ record *Record }

// newlyMade are the sessions that have such a record. The zero value is ready to use.
type newlyMade struct {
	mu   sync.Mutex
	ring [maxMade]struct {
		session *Session
		made    *any
	}
	next int
}

// keep keeps the record for the first call of Session.Record. It drops that of the oldest session.
func (n *newlyMade) keep(s *Session, record *Record) {
	made := any(&madeRecord{record})
	s.ready.Store(&made)
	n.mu.Lock()
	defer n.mu.Unlock()
	place := &n.ring[n.next]
	n.next = (n.next + 1) % maxMade
	if place.session != nil {
		place.session.ready.CompareAndSwap(place.made, nil)
	}
	place.session, place.made = s, &made
}

// takeMade returns a copy of the record for the first caller, and nil for every other.
func (s *Session) takeMade() *Record {
	v := s.ready.Load()
	if v == nil {
		return nil
	}
	made, ok := (*v).(*madeRecord)
	if !ok || !s.ready.CompareAndSwap(v, nil) {
		return nil
	}
	r := made.record.clone()
	r.Version, r.sealedUnder, r.session = s.version, s.sealedUnder, s
	return r
}
