package session

import (
	"context"
	"encoding/base64"
	"math"
	"strings"
	"time"
	"unicode"
)

// The sessions of a user, and those of a session at a provider, are in lists that many users share: most users have one
// or two sessions, and a separate list for each would need as much space as their record. Each member of a list begins
// with letters that identify its owner.

const (
	// buckets is the number of lists. With it no list is hot, and with a million sessions a list has about a hundred
	// members. Stores keep lists of up to about that length in little space.
	buckets = 1 << 13
	// ownerLetters is how many letters identify the owner of a member: 48 bits. Two owners with the same list and
	// letters are distinguished by their records.
	ownerLetters = 8
)

// bucket is one owner's part of a list.
type bucket struct {
	index Key
	tag   string
}

// OwnerList is one owner's part of a list of entries that are no sessions. Many owners share a list, so that a short one
// needs little space. An entry of another owner may be in it: the reader compares.
type OwnerList struct {
	bucket
	members string
}

// OwnerLists is the number of lists of a kind: with a hundred thousand entries each has about a hundred.
const OwnerLists = 1 << 10

// NewOwnerList returns the part of an owner. kind names the lists, members is how the keys of their entries begin, with
// the colon.
func NewOwnerList(kind, members string, owner ...string) OwnerList {
	h := hash(kind, owner...)
	n := int(h[0])<<8 | int(h[1])
	return OwnerList{bucket{ownerListAt(kind, n%OwnerLists), base64.RawURLEncoding.EncodeToString(h[2:])[:ownerLetters]}, members}
}

func ownerListAt(kind string, n int) Key {
	return Key(kind + ":" + base64.RawURLEncoding.EncodeToString([]byte{byte(n >> 8), byte(n)})) //nolint:gosec // sixteen bits
}

// Listing returns an entry's listing.
func (l OwnerList) Listing(entry Key, until time.Time) Listing {
	return Listing{Index: l.index, Member: Key(l.tag + string(entry[len(l.members):])), Until: until}
}

// Keys returns the entries, sorted by the times until which they are listed.
func (l OwnerList) Keys(ctx context.Context, in Indexes) ([]Key, error) {
	return l.keys(ctx, in, l.members)
}

// KeysOfAll returns the entries of all owners in one of the lists, of which there are OwnerLists.
func KeysOfAll(ctx context.Context, in Indexes, kind, members string, list int) ([]Key, error) {
	found, err := in.Members(ctx, ownerListAt(kind, list), time.Time{}, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	var keys []Key
	for _, member := range found {
		if len(member) > ownerLetters {
			keys = append(keys, Key(members)+member[ownerLetters:])
		}
	}
	return keys, nil
}

func bucketOf(kind string, owner ...string) bucket {
	h := hash(kind, owner...)
	n := [2]byte{h[0] & (buckets>>8 - 1), h[1]}
	return bucket{Key(kind + ":" + base64.RawURLEncoding.EncodeToString(n[:])), base64.RawURLEncoding.EncodeToString(h[2:])[:ownerLetters]}
}

func personBucket(who Identity) bucket { return bucketOf("i", who.Issuer, who.Subject) }

func providerSessionBucket(issuer, sid string) bucket { return bucketOf("j", issuer, sid) }

func knownAsBucket(issuer, name string) bucket { return bucketOf("n", issuer, name) }

// Remembered returns a list, and a member for it, that stand for something: for callers that remember very many things,
// of which each needs no more than about thirty bytes. The lists are shared as those of sessions are.
func Remembered(kind string, parts ...string) (index, member Key) {
	b := bucketOf(kind, parts...)
	return b.index, Key(b.tag)
}

const sessionKind = "s:"

func (b bucket) listing(session Key, until time.Time) Listing {
	return Listing{Index: b.index, Member: Key(b.tag + string(session[len(sessionKind):])), Until: until}
}

// sessions returns the sessions listed for the owner, sorted by the latest time at which they end.
func (b bucket) sessions(ctx context.Context, in Indexes) ([]Key, error) {
	return b.keys(ctx, in, sessionKind)
}

func (b bucket) keys(ctx context.Context, in Indexes, kind string) ([]Key, error) {
	members, err := in.Members(ctx, b.index, time.Time{}, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	return b.keysOf(members, kind), nil
}

// keysOf returns the keys of the owner's members of the list.
func (b bucket) keysOf(members []Key, kind string) (keys []Key) {
	for _, member := range members {
		if rest, ours := strings.CutPrefix(string(member), b.tag); ours {
			keys = append(keys, Key(kind+rest))
		}
	}
	return keys
}

// delist removes listings of sessions that do not exist any more.
func (b bucket) delist(ctx context.Context, in Indexes, sessions []Key) error {
	if len(sessions) == 0 {
		return nil
	}
	members := make([]Key, len(sessions))
	for i, key := range sessions {
		members[i] = b.listing(key, time.Time{}).Member
	}
	return in.Delist(ctx, b.index, members...)
}

// listings returns the listings of a session, which last until it ends. kept is Listing.Kept.
func (s *Record) listings(until, kept time.Time) []Listing {
	key := s.ID.Key()
	all, _ := allIndex(shortOf(key))
	in := []Listing{personBucket(s.Identity).listing(key, until), {Index: all, Member: key, Until: until}}
	if s.ProviderSession != "" {
		in = append(in, providerSessionBucket(s.Identity.Issuer, s.ProviderSession).listing(key, until))
	}
	for _, name := range s.KnownAs {
		in = append(in, knownAsBucket(s.Identity.Issuer, name).listing(key, until))
	}
	if kept.Before(until) {
		kept = until
	}
	for i := range in {
		in[i].Kept = kept
	}
	return in
}

// delist removes members from an index.
func delist(ctx context.Context, in Indexes, index Key, members []Key) error {
	if len(members) == 0 {
		return nil
	}
	return in.Delist(ctx, index, members...)
}

// The list of all sessions is spread over allShards keys, by the first letters of Short, so that no key is hot or
// large: with a million sessions each has about a thousand members.
const allShards = 1 << 10

// letters are the digits of Short, in the order of their value.
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// allShard returns the key of a part of the list. Its name is the first letter of Short and four bits of the second.
func allShard(n int) Key { return Key("a:" + letters[n>>4:n>>4+1] + letters[n&15:n&15+1]) }

// allIndex returns the key of the part that contains a session. ok is false if short cannot be the name of a session.
func allIndex(short string) (Key, bool) {
	first, second := strings.IndexByte(letters, short[0]), strings.IndexByte(letters, short[1])
	if first < 0 || second < 0 {
		return "", false
	}
	return allShard(first<<4 | second>>2), true
}

// KnownAsMail and KnownAsPhone return a mail address and a phone number in the form of Record.KnownAs. Two spellings of
// an address that differ in case name the same user. A letter outside of ASCII never becomes one of ASCII, as the Kelvin
// sign would: it is another address.
func KnownAsMail(address string) string {
	return "mail:" + strings.Map(func(r rune) rune {
		if lower := unicode.ToLower(r); r <= unicode.MaxASCII || lower > unicode.MaxASCII {
			return lower
		}
		return r
	}, address)
}

// KnownAsPhone is for numbers in the form of E.164, which may contain separators, and an extension after a semicolon.
func KnownAsPhone(number string) string {
	return "tel:" + strings.Map(func(r rune) rune {
		if r == '+' || r == ';' || '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, number)
}
