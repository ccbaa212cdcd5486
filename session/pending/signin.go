package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/latchkey-gateway/latchkey/session/internal/pack"
)

// Pending is a sign-in that is finished but for the answer to "Stay signed in?". It is no session: nothing that a
// request presents leads from one to the other but the answer (K3).
type Pending struct {
	// Draft is what the session will be made of; its kind is not decided.
	Draft Record
	// Note is the caller's own, kept with the pending sign-in and never looked into.
	Note []byte
	// Deadline is when it counts as abandoned (A8).
	Deadline time.Time
}

// keeper keeps what waits for a browser to come back: pending sign-ins, tickets, forms and claims challenges.
type keeper struct {
	vault            Vault
	now              func() time.Time
	maxPending       int
	waiting, counted atomic.Int64 // how many sign-ins wait for an answer, and when they were counted, in nanoseconds since 1970
}

const (
	// pendingGrace is how long after its deadline an abandoned sign-in waits in the store to be noticed: it outlives
	// an outage of every replica by a day.
	pendingGrace = 24 * time.Hour
	// pendingShards spreads the list of pending sign-ins over as many keys, so that none is hot.
	pendingShards = 8
)

// Hold keeps a pending sign-in until its deadline and returns the token that the browser gets. The provider's tokens
// are sealed under its secret, as those of a session are. What else is to be listed is listed along with it, and stays
// when it is answered. ErrFull if too many wait already, whoever they are of; of one person, Surplus ends those over
// their number.
func (k *keeper) Hold(ctx context.Context, p Pending, tokens Tokens, also ...Listing) (Token, error) {
	token := NewToken()
	key := pendingKey(token.ID)
	if err := p.Draft.validDraft(); err != nil {
		return Token{}, fmt.Errorf("writing pending sign-in: %w", err)
	}
	var err error
	if p.Draft.sealedTokens, err = k.vault.sealTokens(tokens, token.Secret, key); err != nil {
		return Token{}, err
	}
	var w pack.FieldWriter
	draft, _ := p.Draft.encode()
	w.Bytes(1, draft)
	w.Bytes(2, p.Note)
	w.Time(3, p.Deadline)
	if err := k.roomForPending(ctx); err != nil {
		return Token{}, fmt.Errorf("writing pending sign-in: %w", err)
	}
	gone := p.Deadline.Add(pendingGrace)
	in := append([]Listing{{pendingIndex(key), key, gone}, {personPending(p.Draft.Identity), key, gone}}, also...)
	if err := k.vault.Put(ctx, key, w.Out, gone, in...); err != nil {
		return Token{}, fmt.Errorf("writing pending sign-in: %w", err)
	}
	k.waiting.Add(1)
	return token, nil
}

// Pending returns a pending sign-in without ending it. ErrNotFound if it was answered or taken, ErrExpired if its
// deadline has passed.
func (k *keeper) Pending(ctx context.Context, token Token) (Pending, error) {
	plain, _, err := k.vault.Get(ctx, pendingKey(token.ID))
	if err != nil {
		return Pending{}, err
	}
	p, err := decodePending(plain)
	if err != nil {
		return Pending{}, err
	}
	if err := k.inTime(p); err != nil {
		return Pending{}, err
	}
	return p, nil
}

func (k *keeper) inTime(p Pending) error {
	if k.now().Before(p.Deadline) {
		return nil
	}
	return ErrExpired
}

// Claim ends a pending sign-in and returns it with its tokens. Of all who claim or collect it exactly one gets it, the
// others ErrNotFound: one answer makes one session, one abandonment one entry in the log (K20). A claim after the
// deadline gets it as well; whether it still counts is for the caller to say.
func (k *keeper) Claim(ctx context.Context, token Token) (Pending, Tokens, error) {
	return k.claim(ctx, token, func(Pending) error { return nil })
}

// Answer is Claim for what counts only in time: after the deadline it is ErrExpired, and the pending sign-in stays for
// whoever logs that it was abandoned.
func (k *keeper) Answer(ctx context.Context, token Token) (Pending, Tokens, error) {
	return k.claim(ctx, token, k.inTime)
}

func (k *keeper) claim(ctx context.Context, token Token, admit func(Pending) error) (Pending, Tokens, error) {
	p, err := k.takePending(ctx, pendingKey(token.ID), admit)
	if err != nil {
		return Pending{}, Tokens{}, err
	}
	tokens, err := k.vault.tokensAt(&p.Draft, token, pendingKey(token.ID))
	p.Draft.sealedTokens = nil
	return p, tokens, err
}

// Abandoned ends and returns pending sign-ins whose deadline has passed, at most limit of each part of the list. Among
// replicas each is returned once. An error does not void what is returned beside it.
func (k *keeper) Abandoned(ctx context.Context, limit int) ([]Pending, error) {
	var abandoned []Pending
	var errs []error
	for shard := range pendingShards {
		index := pendingShard(shard)
		// Members are listed until grace after their deadline, and a deadline that is now has passed.
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
			case !errors.Is(err, ErrNotFound):
				errs = append(errs, err)
			}
		}
	}
	return abandoned, errors.Join(errs...)
}

// collect ends a pending sign-in that nobody has answered.
func (k *keeper) collect(ctx context.Context, key Key) (Pending, error) {
	p, err := k.takePending(ctx, key, func(Pending) error { return nil })
	if err != nil {
		return Pending{}, fmt.Errorf("taking pending sign-in: %w", err)
	}
	return p, nil
}

// takePending ends a pending sign-in that is admitted. One that cannot be opened here stays: another replica has sealed it
// under a key that this one does not have yet, and what is taken without being opened has neither a session nor an entry in
// the log. What was read is what is taken, for nobody writes to a pending sign-in once it is there.
func (k *keeper) takePending(ctx context.Context, key Key, admit func(Pending) error) (Pending, error) {
	from := []Listing{{Index: pendingIndex(key), Member: key}}
	plain, _, err := k.vault.Get(ctx, key)
	if errors.Is(err, ErrNotFound) {
		_ = k.vault.Store.Delist(ctx, from[0].Index, key) // what points at nothing
	}
	if err != nil {
		return Pending{}, err
	}
	p, err := decodePending(plain)
	if err == nil {
		err = admit(p)
	}
	if err != nil {
		return Pending{}, err
	}
	from = append(from, Listing{Index: personPending(p.Draft.Identity), Member: key})
	if _, err := k.vault.Store.Remove(ctx, key, from...); err != nil {
		return Pending{}, err
	}
	k.waiting.Add(-1)
	return p, nil
}

func decodePending(plain []byte) (Pending, error) {
	var p Pending
	r := pack.FieldReader{Data: plain}
	for r.Next() {
		switch r.Tag {
		case 1:
			draft, err := decodeDraft(r.Value)
			if err != nil {
				return p, err
			}
			p.Draft = *draft
		case 2:
			p.Note = bytes.Clone(r.Value)
		case 3:
			r.Time(&p.Deadline)
		}
	}
	return p, r.Err
}

func pendingKey(id ID) Key { return HashKey("p", string(id[:])) }

// pendingIndex is the part of the list that a key is in, by a letter of its hash.
func pendingIndex(key Key) Key { return pendingShard(int(key[len(key)-2]) % pendingShards) }

func pendingShard(n int) Key { return HashKey("q", strconv.Itoa(n)) }
