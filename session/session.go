package session

import (
	"fmt"
	"sync/atomic"
	"time"
	"unique"

	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// Session is one sign-in of one browser, as Manager returns it. At hand is what nearly every request asks of it. The rest,
// its Record, stays packed until a caller asks for it. A session is immutable and may be shared between goroutines (A30).
//
// There may be tens of thousands, and every collection of garbage goes through them all: so it is one piece of memory, in
// which there is next to nothing that points elsewhere.
type Session struct {
	ID   ID
	Kind Kind
	// Renewable is Record.Renewable; KnownDevice is what Record.KnownDevice tells.
	Renewable, KnownDevice bool

	sealedUnder keyring.ID
	version     uint64
	from        unique.Handle[origin]
	person      digest // of the mark that ends all of a person
	limit       Limit
	// In milliseconds since 1970.
	created, lastUsed, began, groupsAsOf, lastAnswer int64

	packed []byte
	ready  atomic.Pointer[any]
}

// origin is what sessions have in common with those of everybody who signs in where they did.
type origin struct {
	provider, issuer string
	mark             digest // that ends all of the provider
}

// view is the session as it was read from packed, or as packed was made of it.
func (s *Record) view(packed []byte) Session {
	return Session{
		ID: s.ID, Kind: s.Kind, Renewable: s.Renewable, KnownDevice: s.KnownDevice(),
		sealedUnder: s.sealedUnder, version: s.Version, limit: s.Limit,
		from:    unique.Make(origin{s.Provider, s.Identity.Issuer, providerMark(s.Provider)}),
		person:  personMark(s.Identity),
		created: s.Created.UnixMilli(), lastUsed: s.LastUsed.UnixMilli(), began: s.began().UnixMilli(), groupsAsOf: s.GroupsAsOf.UnixMilli(),
		lastAnswer: s.LastAnswer().UnixMilli(),
		packed:     packed,
	}
}

// Record reads the whole record. It does so at every call, which takes some sixty times as long as to look the session up.
// An error is a bug of ours or of the memory: what is kept here could be read when it was put in.
func (s *Session) Record() (*Record, error) {
	r, err := readRecord(s.packed)
	if err != nil {
		return nil, fmt.Errorf("reading session: %w", err)
	}
	r.Version, r.sealedUnder, r.session = s.version, s.sealedUnder, s
	return r, nil
}

// Session returns what Manager.Load returns of the same record, nil for a draft.
func (s *Record) Session() *Session { return s.session }

// Provider is Record.Provider.
func (s *Session) Provider() string { return s.from.Value().provider }

// Issuer is that of Record.Identity.
func (s *Session) Issuer() string { return s.from.Value().issuer }

// Created is Record.Created.
func (s *Session) Created() time.Time { return time.UnixMilli(s.created).UTC() }

// LastUsed is Record.LastUsed.
func (s *Session) LastUsed() time.Time { return time.UnixMilli(s.lastUsed).UTC() }

// GroupsAsOf is Record.GroupsAsOf.
func (s *Session) GroupsAsOf() time.Time { return time.UnixMilli(s.groupsAsOf).UTC() }

// LastAnswer is Record.LastAnswer.
func (s *Session) LastAnswer() time.Time { return time.UnixMilli(s.lastAnswer).UTC() }

func (s *Session) span() span {
	return span{kind: s.Kind, limit: s.limit, created: s.Created(), lastUsed: s.LastUsed()}
}

// touchDue reports whether the last use on record is old enough to be written again.
func (s *Session) touchDue(at time.Time, now Limits) bool {
	p := s.span()
	return p.touchDue(at, now)
}

// Ready returns what a caller has kept beside this record with KeepReady, nil if nothing: values made ready of it, which
// the next request need not make again. They go with the record, so they are never older than it.
func (s *Session) Ready() any {
	if v := s.ready.Load(); v != nil {
		return *v
	}
	return nil
}

// KeepReady puts a value beside the record, for Ready, in place of what was there. It must not change afterwards. It is
// given by its address, so that it can lie in the very thing that it points to.
func (s *Session) KeepReady(v *any) { s.ready.Store(v) }

func providerMark(name string) digest { return hash("rb", "provider", name) }

func personMark(who Identity) digest { return hash("rb", "person", who.Issuer, who.Subject) }
