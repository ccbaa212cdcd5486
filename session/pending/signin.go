package pending

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/internal/pack"
)

// SignIn is a sign-in that is complete except for the answer to "Stay signed in?". It is not a session: only the answer
// turns it into one (K3).
type SignIn struct {
	// Draft is the draft of the session; its kind is not decided.
	Draft session.Record
	// Note is data of the caller, kept with the pending sign-in and not read.
	Note []byte
	// Deadline is when it counts as abandoned (A8).
	Deadline time.Time
}

const (
	// pendingGrace is how long after its deadline an abandoned sign-in stays in the store until it is noticed: it
	// survives an outage of all replicas of up to a day.
	pendingGrace = 24 * time.Hour
	// pendingShards is the number of keys over which the list of pending sign-ins is spread, so that no key is hot.
	pendingShards = 8
)

// Hold keeps a pending sign-in until its deadline and returns the token for the browser. The provider's tokens are
// sealed with its secret, as those of a session are. also are further listings, which stay when it is answered. It
// returns ErrFull if too many sign-ins wait in total. Surplus ends those over the limit of one user.
func (k *Keeper) Hold(ctx context.Context, p SignIn, tokens session.Tokens, also ...session.Listing) (session.Token, error) {
	token := session.NewToken()
	key := pendingKey(token.ID)
	draft, err := k.vault.PackDraft(p.Draft, tokens, token.Secret, key)
	if err != nil {
		return session.Token{}, fmt.Errorf("writing pending sign-in: %w", err)
	}
	var w pack.FieldWriter
	w.Bytes(1, draft)
	w.Bytes(2, p.Note)
	w.Time(3, p.Deadline)
	if err := k.roomForPending(ctx); err != nil {
		return session.Token{}, fmt.Errorf("writing pending sign-in: %w", err)
	}
	gone := p.Deadline.Add(pendingGrace)
	in := append([]session.Listing{
		{Index: pendingIndex(key), Member: key, Until: gone}, {Index: personPending(p.Draft.Identity), Member: key, Until: gone},
	}, also...)
	if err := k.vault.Put(ctx, key, w.Out, gone, in...); err != nil {
		return session.Token{}, fmt.Errorf("writing pending sign-in: %w", err)
	}
	k.waiting.Add(1)
	return token, nil
}

// SignIn returns a pending sign-in without ending it. ErrNotFound if it was answered or taken, ErrExpired if its
// deadline has passed.
func (k *Keeper) SignIn(ctx context.Context, token session.Token) (SignIn, error) {
	plain, _, err := k.vault.Get(ctx, pendingKey(token.ID))
	if err != nil {
		return SignIn{}, err
	}
	p, _, err := decode(plain)
	if err != nil {
		return SignIn{}, err
	}
	if err := k.inTime(p); err != nil {
		return SignIn{}, err
	}
	return p, nil
}

func (k *Keeper) inTime(p SignIn) error {
	if k.now().Before(p.Deadline) {
		return nil
	}
	return session.ErrExpired
}

// Claim ends a pending sign-in and returns it with its tokens. Of all calls of Claim and Abandoned exactly one gets it,
// the others get ErrNotFound: one answer creates one session, and one abandonment one entry in the log (K20). A claim
// after the deadline succeeds too; the caller decides whether it counts.
func (k *Keeper) Claim(ctx context.Context, token session.Token) (SignIn, session.Tokens, error) {
	return k.claim(ctx, token, func(SignIn) error { return nil })
}

// Answer is Claim for answers that count only in time: after the deadline it returns ErrExpired, and the pending
// sign-in stays for Abandoned.
func (k *Keeper) Answer(ctx context.Context, token session.Token) (SignIn, session.Tokens, error) {
	return k.claim(ctx, token, k.inTime)
}

func (k *Keeper) claim(ctx context.Context, token session.Token, admit func(SignIn) error) (SignIn, session.Tokens, error) {
	p, draft, err := k.take(ctx, pendingKey(token.ID), admit)
	if err != nil {
		return SignIn{}, session.Tokens{}, err
	}
	tokens, err := k.vault.DraftTokens(draft, token.Secret, pendingKey(token.ID))
	return p, tokens, err
}

// Abandoned ends and returns pending sign-ins whose deadline has passed, at most limit of each part of the list. Among
// replicas each one is returned once. The result is valid even if there is an error.
func (k *Keeper) Abandoned(ctx context.Context, limit int) ([]SignIn, error) {
	var abandoned []SignIn
	var errs []error
	for shard := range pendingShards {
		index := pendingShard(shard)
		// Members are listed until pendingGrace after their deadline. A deadline that equals now has passed.
		before := k.now().Add(pendingGrace + time.Millisecond)
		keys, err := k.vault.Store.Members(ctx, index, before, limit)
		if err != nil {
			errs = append(errs, fmt.Errorf("listing pending sign-ins: %w", err))
			break
		}
		for _, key := range keys {
			p, err := k.collect(ctx, key)
			switch {
			case err == nil:
				abandoned = append(abandoned, p)
			case !errors.Is(err, session.ErrNotFound):
				errs = append(errs, err)
			}
		}
	}
	return abandoned, errors.Join(errs...)
}

// collect ends a pending sign-in that was not answered.
func (k *Keeper) collect(ctx context.Context, key session.Key) (SignIn, error) {
	p, _, err := k.take(ctx, key, func(SignIn) error { return nil })
	if err != nil {
		return SignIn{}, fmt.Errorf("taking pending sign-in: %w", err)
	}
	return p, nil
}

// take ends a pending sign-in that admit accepts. One that cannot be opened here stays: another replica has sealed it
// with a key that this one does not have yet, and taking it unread would result in neither a session nor a log entry.
// The value that was read is the value that is taken, because pending sign-ins are never changed.
func (k *Keeper) take(ctx context.Context, key session.Key, admit func(SignIn) error) (p SignIn, draft []byte, err error) {
	from := []session.Listing{{Index: pendingIndex(key), Member: key}}
	plain, _, err := k.vault.Get(ctx, key)
	if errors.Is(err, session.ErrNotFound) {
		_ = k.vault.Store.Delist(ctx, from[0].Index, key) // the listing refers to nothing
	}
	if err != nil {
		return SignIn{}, nil, err
	}
	p, draft, err = decode(plain)
	if err == nil {
		err = admit(p)
	}
	if err != nil {
		return SignIn{}, nil, err
	}
	from = append(from, session.Listing{Index: personPending(p.Draft.Identity), Member: key})
	if _, err := k.vault.Store.Remove(ctx, key, from...); err != nil {
		return SignIn{}, nil, err
	}
	k.waiting.Add(-1)
	return p, draft, nil
}

// decode reads a pending sign-in, and its draft in encoded form, for its tokens.
func decode(plain []byte) (p SignIn, draft []byte, err error) {
	r := pack.FieldReader{Data: plain}
	for r.Next() {
		switch r.Tag {
		case 1:
			draft = r.Value
			if p.Draft, err = session.ReadDraft(draft); err != nil {
				return p, nil, err
			}
		case 2:
			p.Note = bytes.Clone(r.Value)
		case 3:
			r.Time(&p.Deadline)
		}
	}
	return p, draft, r.Err
}

func pendingKey(id session.ID) session.Key { return session.HashKey("p", string(id[:])) }

// pendingIndex returns the part of the list that contains a key, by a letter of its hash.
func pendingIndex(key session.Key) session.Key {
	return pendingShard(int(key[len(key)-2]) % pendingShards)
}

func pendingShard(n int) session.Key { return session.HashKey("q", strconv.Itoa(n)) }
