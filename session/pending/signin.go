package pending

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// SignIn is a sign-in that is complete except for the answer to "Stay signed in?". It is not a session: only the answer
// turns it into one (K3).
type SignIn struct {
	// Draft is the draft of the session; its kind is not decided.
	Draft session.Record
	// Note is data of the caller, kept with the pending sign-in and not read.
	Note []byte
	// Known is what the caller has made Note of, so that it need not read it again. It is nil where the sign-in was read
	// from the store. It is not changed.
	Known any
	// Deadline is when it counts as abandoned (A8).
	Deadline time.Time
}

const (
	// pendingGrace is how long after its deadline an abandoned sign-in stays in the store until it is noticed: it
	// survives an outage of all replicas of up to a day.
	pendingGrace = 24 * time.Hour
	// pendingKept is Listing.Kept of the lists: longer than a day for the answer and pendingGrace.
	pendingKept = 3 * 24 * time.Hour
)

// Held is a pending sign-in that was kept.
type Held struct {
	// Token is for the browser.
	Token session.Token
	// Surplus are the oldest pending sign-ins of the same user, those over maxPendingEach, which were ended. Among
	// replicas each one is returned once.
	Surplus []SignIn
	// Unbounded is set if some of these could not be ended.
	Unbounded error
}

// Hold keeps a pending sign-in until its deadline. The provider's tokens are sealed with the secret of its token, as
// those of a session are. also are further listings, which stay when it is answered. It returns ErrFull if too many
// sign-ins wait in total.
func (k *Keeper) Hold(ctx context.Context, p SignIn, tokens session.Tokens, also ...session.Listing) (Held, error) {
	token := session.NewToken()
	key := pendingKey(token.ID)
	draft, err := k.vault.SealDraft(p.Draft, tokens, token.Secret, key)
	if err != nil {
		return Held{}, fmt.Errorf("writing pending sign-in: %w", err)
	}
	c := content{SignIn: p, draft: draft}
	c.Draft, c.Note, c.Deadline = draft.Record(), bytes.Clone(p.Note), p.Deadline.UTC().Truncate(time.Millisecond)
	plain := c.encode()
	if err := k.roomForPending(ctx); err != nil {
		return Held{}, fmt.Errorf("writing pending sign-in: %w", err)
	}
	gone := p.Deadline.Add(pendingGrace)
	value, err := k.vault.Entry(key, plain, gone)
	if err != nil {
		return Held{}, fmt.Errorf("writing pending sign-in: %w", err)
	}
	list := waitingOf(p.Draft.Identity)
	done, err := k.vault.Store.Apply(ctx, session.Step{
		Create: value,
		In: append([]session.Listing{
			{Index: list.index, Member: list.member(key), Until: gone, Kept: k.now().Add(pendingKept), Owner: list.owner()},
		}, also...),
		List: list.index, Tag: list.user,
	})
	if err != nil {
		return Held{}, fmt.Errorf("writing pending sign-in: %w", err)
	}
	k.waiting.Add(1)
	k.copies.keep(key, c, len(plain), k.now())
	held := Held{Token: token}
	held.Surplus, held.Unbounded = k.endSurplus(ctx, list, done.Members)
	return held, nil
}

// SignIn returns a pending sign-in without ending it. ErrNotFound if it was answered or taken, ErrExpired if its
// deadline has passed.
func (k *Keeper) SignIn(ctx context.Context, token session.Token) (SignIn, error) {
	plain, _, err := k.vault.Get(ctx, pendingKey(token.ID))
	if err != nil {
		return SignIn{}, err
	}
	c, err := decode(plain)
	if err != nil {
		return SignIn{}, err
	}
	return k.live(c)
}

// Shown is SignIn for the page that follows Hold: the first time soon after Hold it does not ask the store. If the
// sign-in was answered meanwhile, then its answer finds that out.
func (k *Keeper) Shown(ctx context.Context, token session.Token) (SignIn, error) {
	if c := k.copies.first(pendingKey(token.ID), k.now()); c != nil {
		return k.live(c)
	}
	return k.SignIn(ctx, token)
}

func (k *Keeper) live(c *content) (SignIn, error) {
	if err := k.inTime(c.SignIn); err != nil {
		return SignIn{}, err
	}
	return c.SignIn, nil
}

func (k *Keeper) inTime(p SignIn) error {
	if k.now().Before(p.Deadline) {
		return nil
	}
	return session.ErrExpired
}

// Answered is a pending sign-in that is about to end with an answer.
type Answered struct {
	SignIn
	Tokens session.Tokens
	// Session ends it in the step that creates the session: of all calls of Claim and Abandoned, and all steps with it,
	// exactly one succeeds, the others get ErrNotFound. One answer creates one session.
	Session session.Together
	keeper  *Keeper
}

// Done must be called once it has ended with the session.
func (a *Answered) Done() {
	a.keeper.waiting.Add(-1)
	a.keeper.copies.drop(a.Session.Take)
}

// Answer returns a pending sign-in with its tokens, for an answer that counts only in time: after the deadline it
// returns ErrExpired, and the pending sign-in stays for Abandoned. It does not end it; see Answered.Session. Its content
// is known here if it was kept here.
func (k *Keeper) Answer(ctx context.Context, token session.Token) (*Answered, error) {
	key := pendingKey(token.ID)
	c := k.copies.get(key)
	if c == nil {
		var err error
		if c, err = k.read(ctx, key); err != nil {
			return nil, err
		}
	}
	if err := k.inTime(c.SignIn); err != nil {
		return nil, err
	}
	tokens, err := k.vault.DraftTokens(c.draft, token.Secret, key)
	return &Answered{SignIn: c.SignIn, Tokens: tokens, Session: session.Together{Take: key, From: c.listings(key)}, keeper: k}, err
}

// Claim ends a pending sign-in and returns it. Of all calls of Claim and Abandoned exactly one gets it, the others get
// ErrNotFound: one abandonment makes one entry in the log (K20). A claim after the deadline succeeds too; the caller
// decides whether it counts.
func (k *Keeper) Claim(ctx context.Context, token session.Token) (SignIn, error) {
	return k.take(ctx, pendingKey(token.ID), (*content).listings)
}

// leaves returns which listings go with a pending sign-in that ends.
type leaves func(*content, session.Key) []session.Listing

// take ends a pending sign-in. One that cannot be opened here stays: another replica has sealed it with a key that this
// one does not have yet, and taking it unread would result in neither a session nor a log entry. The value that was read
// is the value that is taken, because pending sign-ins are never changed.
func (k *Keeper) take(ctx context.Context, key session.Key, from leaves) (SignIn, error) {
	c, err := k.read(ctx, key)
	if err != nil {
		return SignIn{}, err
	}
	if _, err := k.vault.Store.Remove(ctx, key, from(c, key)...); err != nil {
		return SignIn{}, err
	}
	k.waiting.Add(-1)
	k.copies.drop(key)
	return c.SignIn, nil
}

// read reads a pending sign-in.
func (k *Keeper) read(ctx context.Context, key session.Key) (*content, error) {
	plain, _, err := k.vault.Get(ctx, key)
	if errors.Is(err, session.ErrNotFound) {
		k.copies.drop(key)
	}
	if err != nil {
		return nil, err
	}
	return decode(plain)
}

func pendingKey(id session.ID) session.Key { return session.HashKey("p", string(id[:])) }
