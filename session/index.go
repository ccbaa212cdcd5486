package session

import (
	"context"
	"encoding/base64"
	"math"
	"strings"
	"time"
)

// The sessions of a person, and those of a session at a provider, are found in lists that many people share: most people
// have one or two sessions, and a list of its own for each would take as much room as their record. A member of such a
// list names the one it is for by the first letters.

const (
	// buckets is over how many lists they are spread, so that none is hot, and a million sessions still come to about a
	// hundred in a list. Stores keep lists of up to about that length in little room.
	buckets = 1 << 13
	// ownerLetters is how many letters say whose a member is: 48 bits. Two who share both list and tag are told apart by
	// their records.
	ownerLetters = 8
)

// bucket is one owner's part of a list.
type bucket struct {
	index Key
	tag   string
}

func bucketOf(kind string, owner ...string) bucket {
	h := hash(kind, owner...)
	n := [2]byte{h[0] & (buckets>>8 - 1), h[1]}
	return bucket{Key(kind + ":" + base64.RawURLEncoding.EncodeToString(n[:])), base64.RawURLEncoding.EncodeToString(h[2:])[:ownerLetters]}
}

func personBucket(who Identity) bucket { return bucketOf("i", who.Issuer, who.Subject) }

func providerSessionBucket(issuer, sid string) bucket { return bucketOf("j", issuer, sid) }

const sessionKind = "s:"

func (b bucket) listing(session Key, until time.Time) Listing {
	return Listing{Index: b.index, Member: Key(b.tag + string(session[len(sessionKind):])), Until: until}
}

// sessions returns the sessions that are listed for the owner, in the order in which they end at the latest.
func (b bucket) sessions(ctx context.Context, in Indexes) ([]Key, error) {
	members, err := in.Members(ctx, b.index, time.Time{}, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	var keys []Key
	for _, member := range members {
		if rest, ours := strings.CutPrefix(string(member), b.tag); ours {
			keys = append(keys, Key(sessionKind+rest))
		}
	}
	return keys, nil
}

// delist drops listings of sessions that are gone.
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

// listings are where a session is found until it is over.
func (s *Record) listings(until time.Time) []Listing {
	key := s.ID.Key()
	all, _ := allIndex(shortOf(key))
	in := []Listing{personBucket(s.Identity).listing(key, until), {Index: all, Member: key, Until: until}}
	if s.ProviderSession != "" {
		in = append(in, providerSessionBucket(s.Identity.Issuer, s.ProviderSession).listing(key, until))
	}
	return in
}

// delist takes members off an index.
func delist(ctx context.Context, in Indexes, index Key, members []Key) error {
	if len(members) == 0 {
		return nil
	}
	return in.Delist(ctx, index, members...)
}

// The list of all sessions is spread over allShards keys, by the first letters of Short, so that none is hot and none grows
// large: at a million sessions each has about a thousand members.
const allShards = 1 << 10

// letters are the digits of Short, in the order of their worth.
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// allShard is a part of the list: its name is the first letter of Short and the better half of the second.
func allShard(n int) Key { return Key("a:" + letters[n>>4:n>>4+1] + letters[n&15:n&15+1]) }

// allIndex is the part of the list that a session is in, if it can be one's name at all.
func allIndex(short string) (Key, bool) {
	first, second := strings.IndexByte(letters, short[0]), strings.IndexByte(letters, short[1])
	if first < 0 || second < 0 {
		return "", false
	}
	return allShard(first<<4 | second>>2), true
}
