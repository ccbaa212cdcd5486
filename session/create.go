package session

import (
	"context"
	"errors"
	"fmt"
)

// recordGrowth is the room that a new record leaves for what is written to it later: apps and the reason of its kind.
// Without it a record could be created that no later write fits (A47).
const recordGrowth = 12 << 10

// creator makes sessions: of a sign-in, or in the place of another session.
type creator struct {
	*writer
	subjects *revokedSubjects
}

// Create makes a session of a draft: it gives it a fresh id, its start, its first use and the limit of its kind, seals
// the tokens under a fresh secret, and writes it. Whatever session the browser presented before is not touched; End it.
// What else is to be listed is listed along with it, and stays when it ends. A draft that Load would refuse is refused
// here: without issuer or subject, of no known kind, or too large. ErrRevoked if sessions like it were ended since
// Draft.Began.
func (c *creator) Create(ctx context.Context, draft Record, tokens Tokens, also ...Listing) (*Record, Token, error) {
	draft.Created, draft.Limit = c.now(), c.limits.Of(draft.Kind)
	return c.create(ctx, draft, tokens, also...)
}

// Succeed makes a session as Create does that goes on where another of the same person ends: after a step-up it has a
// new id, and ends when the other would have at the latest (A13). It is no looser than the other in kind or limits,
// whatever the draft and the configuration say since (X21, X23, A16). The other is ended then; if it cannot be, it stays
// and there is no new one. ErrExpired if there is nothing left to go on with, ErrNotFound if the other was ended meanwhile:
// what somebody has revoked does not go on under another id.
func (c *creator) Succeed(ctx context.Context, old *Record, draft Record, tokens Tokens) (*Record, Token, error) {
	if draft.Identity != old.Identity {
		return nil, Token{}, errors.New("a session cannot go on as another person's")
	}
	if now := c.now(); old.Check(now, c.limits) != nil && now.Before(old.MaxEnd(c.limits)) {
		// As far as the caller knows it is over; its record may know of a later use, or be kept for its name alone.
		if _, err := c.loadGood(ctx, old.ID.Key()); err != nil {
			return nil, Token{}, fmt.Errorf("succeeding session: %w", err)
		}
	}
	if old.Kind == Browser && draft.Kind != Browser {
		draft.Kind, draft.KindReason = old.Kind, old.KindReason
	}
	draft.Created, draft.Limit = old.Created, old.Limit.tighter(c.limits.Of(draft.Kind))
	draft.Began = old.Began
	return c.goOn(ctx, old, draft, tokens)
}

// Persist makes a browser session a persistent one, because its person says so now as they might have said at sign-in: it
// goes on under a new id and a new secret, as at an answer (A13). It begins where the other began, so that it ends when it
// would have had the answer been Yes, by the limits in force now. Whether the person may say so is the caller's to know.
//
// The other is ended then; if it cannot be, it stays and there is no new one. ErrNotFound if the other was ended or is
// persistent by now, ErrExpired if there is nothing left to go on with, keyring.ErrUnsealable if the token is not its own.
func (c *creator) Persist(ctx context.Context, token Token, reason string) (*Record, Token, error) {
	have, err := c.Reload(ctx, token)
	if err != nil {
		return nil, Token{}, fmt.Errorf("keeping session: %w", err)
	}
	old, err := have.Record()
	if err != nil {
		return nil, Token{}, fmt.Errorf("keeping session: %w", err)
	}
	if old.Kind == Persistent {
		return nil, Token{}, fmt.Errorf("keeping session: persistent already: %w", ErrNotFound)
	}
	tokens, err := c.vault.Tokens(old, token)
	if err != nil {
		return nil, Token{}, fmt.Errorf("keeping session: %w", err)
	}
	draft := *old
	draft.Kind, draft.KindReason, draft.Limit = Persistent, reason, c.limits.Persistent
	return c.goOn(ctx, old, draft, tokens)
}

// goOn makes the session of a draft in the place of another: there are never both, and never neither.
func (c *creator) goOn(ctx context.Context, old *Record, draft Record, tokens Tokens) (*Record, Token, error) {
	s, token, err := c.create(ctx, draft, tokens)
	if err != nil {
		return nil, Token{}, err
	}
	if err := c.end(ctx, old); err != nil {
		c.discard(ctx, s)
		return nil, Token{}, err
	}
	return s, token, nil
}

func (c *creator) create(ctx context.Context, draft Record, tokens Tokens, also ...Listing) (*Record, Token, error) {
	token := NewToken()
	s := draft.clone()
	s.ID, s.LastUsed = token.ID, c.now()
	s.roundTimes()
	key := s.ID.Key()
	var err error
	if s.sealedTokens, err = c.vault.sealTokens(tokens, token.Secret, key); err != nil {
		return nil, Token{}, err
	}
	s.Renewable = tokens.Refresh != ""
	if err := s.valid(); err != nil {
		return nil, Token{}, fmt.Errorf("writing session: %w", err)
	}
	if err := c.standing(ctx, s); err != nil {
		return nil, Token{}, fmt.Errorf("writing session: %w", err)
	}
	asked := c.entries.generation(s.ID.digest(), c.now())
	plain, tail := s.encode()
	// What is returned shares nothing with the draft; and what cannot be read is not written (A47).
	if s, err = decodeRecord(plain); err != nil {
		return nil, Token{}, fmt.Errorf("writing session: %w", err)
	}
	written, err := c.vault.sealRecord(key, plain, tail, MaxValue-recordGrowth)
	if err == nil {
		// No session is ever in use unlisted, so that nobody could find it to revoke it (A45): its token leaves this
		// function last.
		e := Entry{Key: key, Value: written.sealed, Expires: s.forgotten(c.limits)}
		if err = c.vault.Store.Create(ctx, e, append(s.listings(s.MaxEnd(c.limits)), also...)...); err != nil {
			c.discard(ctx, s)
		}
	}
	if err != nil {
		return nil, Token{}, fmt.Errorf("writing session: %w", err)
	}
	if err := c.subjects.unended(ctx, s); err != nil {
		c.discard(ctx, s)
		return nil, Token{}, fmt.Errorf("writing session: %w", err)
	}
	s.Version = 1
	c.entries.keep(s.asEntry(written), asked)
	return s, token, nil
}

// discard removes a session that nobody has got, as well as it can.
func (c *creator) discard(ctx context.Context, s *Record) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), touchTimeout)
	defer cancel()
	_ = c.End(ctx, s)
}

// standing refuses a session that is over as it is made: a limit has passed, or it is revoked already.
func (c *creator) standing(ctx context.Context, s *Record) error {
	if err := s.Check(c.now(), c.limits); err != nil {
		return err
	}
	if err := c.revocations.settle(ctx, c.now()); err != nil {
		return err
	}
	if c.revocations.revoked(s.began().UnixMilli(), providerMark(s.Provider), personMark(s.Identity)) {
		return ErrRevoked
	}
	return nil
}
