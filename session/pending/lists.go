package pending

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// All pending sign-ins are in a fixed number of lists, by the user: so one listing shows what waits in total, what was
// abandoned, and what else waits of the same user. Each member begins with letters that identify the user.
//
// A gateway of an earlier version has listed each pending sign-in twice: in one of earlierShards lists, and in a list of the
// user. Those sign-ins are still answered, counted and collected here. Those of this version are answered there too: such a
// gateway leaves the listing, which the next search removes.
const (
	// letters are the characters of a hash. There is a list for each, so that none is hot: of the largest number of pending
	// sign-ins each has about three hundred.
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	// userLetters is how many letters identify the user in a list: 60 bits.
	userLetters = 10
	// kind begins the keys of the entries.
	kind = "p:"
	// earlierShards is the number of lists of an earlier version.
	earlierShards = 8
)

// waiting is a user's part of a list.
type waiting struct {
	index session.Key
	user  string
}

func waitingOf(who session.Identity) waiting {
	hash := earlierOf(who)[len("o:"):]
	return waiting{waitingAt(hash[0]), string(hash[1 : 1+userLetters])}
}

func waitingAt(letter byte) session.Key { return session.Key("w:" + string(letter)) }

func (w waiting) member(key session.Key) session.Key { return session.Key(w.user) + key[len(kind):] }

// owner is the member that stands for all of the user.
func (w waiting) owner() session.Key { return session.Key(w.user) }

// keyOf returns the key of the entry of a member. It is empty for what is none.
func keyOf(member session.Key) session.Key {
	if len(member) <= userLetters {
		return ""
	}
	return kind + member[userLetters:]
}

// earlierOf returns the list of a user of an earlier version.
func earlierOf(who session.Identity) session.Key {
	return session.HashKey("o", who.Issuer, who.Subject)
}

func earlierShard(n int) session.Key { return session.HashKey("q", strconv.Itoa(n)) }

// earlierIndex returns the list of an earlier version that contains a key, by a letter of its hash.
func earlierIndex(key session.Key) session.Key {
	return earlierShard(int(key[len(key)-2]) % earlierShards)
}

// listings are where a pending sign-in is listed.
func (c *content) listings(key session.Key) []session.Listing {
	who := c.Draft.Identity
	if c.earlier {
		return []session.Listing{{Index: earlierIndex(key), Member: key}, {Index: earlierOf(who), Member: key}}
	}
	w := waitingOf(who)
	return []session.Listing{{Index: w.index, Member: w.member(key), Owner: w.owner()}}
}

// part is one of the lists, with the entry that a member stands for.
type part struct {
	index session.Key
	keyOf func(session.Key) session.Key
}

func parts() []part {
	all := make([]part, 0, len(letters)+earlierShards)
	for i := range len(letters) {
		all = append(all, part{waitingAt(letters[i]), keyOf})
	}
	for n := range earlierShards {
		all = append(all, part{earlierShard(n), func(member session.Key) session.Key { return member }})
	}
	return all
}

// partsAtOnce is how many of the lists are read at the same time. One after the other would take a store that is far away, or
// busy, longer than a sign-in waits.
const partsAtOnce = 8

// found is what a list has.
type found struct {
	part
	members []session.Key
	err     error
}

// members yields the parts of the list with their members: all, or those that are listed until before a time.
func (k *Keeper) members(ctx context.Context, before time.Time, limit int) iter.Seq[found] {
	return func(yield func(found) bool) {
		for some := range slices.Chunk(parts(), partsAtOnce) {
			read := make([]found, len(some))
			var all sync.WaitGroup
			for i, p := range some {
				all.Go(func() {
					members, err := k.vault.Store.Members(ctx, p.index, before, limit)
					read[i] = found{p, members, err}
				})
			}
			all.Wait()
			for _, one := range read {
				if !yield(one) {
					return
				}
			}
		}
	}
}

// countPending counts up to the limit.
func (k *Keeper) countPending(ctx context.Context) (n int, err error) {
	for p := range k.members(ctx, time.Time{}, k.maxPending) {
		if p.err != nil {
			return 0, fmt.Errorf("counting pending sign-ins: %w", p.err)
		}
		for _, member := range p.members {
			if p.part.keyOf(member) != "" { // not the owner of members
				n++
			}
		}
		if n >= k.maxPending {
			break
		}
	}
	return n, nil
}

// Abandoned ends and returns pending sign-ins whose deadline has passed, at most limit of each part of the list. Among
// replicas each one is returned once. The result is valid even if there is an error.
func (k *Keeper) Abandoned(ctx context.Context, limit int) ([]SignIn, error) {
	var abandoned []SignIn
	var errs []error
	unread := false
	// Members are listed until pendingGrace after their deadline. A deadline that equals now has passed.
	for p := range k.members(ctx, k.now().Add(pendingGrace+time.Millisecond), limit) {
		if p.err != nil && !unread {
			unread = true // of several lists one is reported
			errs = append(errs, fmt.Errorf("listing pending sign-ins: %w", p.err))
		}
		if ctx.Err() != nil {
			break
		}
		for _, member := range p.members {
			one, err := k.collect(ctx, p.keyOf(member), session.Listing{Index: p.index, Member: member}, (*content).listings)
			switch {
			case err == nil:
				abandoned = append(abandoned, one)
			case !errors.Is(err, session.ErrNotFound):
				errs = append(errs, err)
			}
		}
	}
	return abandoned, errors.Join(errs...)
}

// surplus are the listings of one that ends because there are too many. The owner stays: as many as may wait still do, so the
// next one asks for them.
func (c *content) surplus(key session.Key) []session.Listing {
	from := c.listings(key)
	for i := range from {
		from[i].Owner = ""
	}
	return from
}

// collect ends a pending sign-in that was not answered. If there is none, it removes the listing, which refers to nothing.
func (k *Keeper) collect(ctx context.Context, key session.Key, listed session.Listing, from leaves) (p SignIn, err error) {
	if err = session.ErrNotFound; key != "" {
		p, err = k.take(ctx, key, from)
	}
	if errors.Is(err, session.ErrNotFound) {
		_ = k.vault.Store.Delist(ctx, listed.Index, listed.Member) // a later search finds it again
	}
	if err != nil {
		return SignIn{}, fmt.Errorf("taking pending sign-in: %w", err)
	}
	return p, nil
}
