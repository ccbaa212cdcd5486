package session

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// recordGrowth is the space that a new record leaves for what is added later: apps and the reason of its kind. Without
// it a new record could be so large that no later write fits (A47).
const recordGrowth = 12 << 10

// creator creates sessions: from a sign-in, or to replace another session.
type creator struct {
	*writer
	subjects *revokedSubjects
	made     newlyMade
}

// Create creates a session from a draft. It sets a new ID, the start, the first use and the limit of its kind, seals
// the tokens under a new secret, and writes the record. It does not end the browser's previous session; the caller
// calls End for that. also are further listings, which stay when the session ends. A draft that Load would refuse is
// refused here: without issuer or subject, of unknown kind, or too large. It returns ErrRevoked if sessions like this
// one were ended since Draft.Began.
func (c *creator) Create(ctx context.Context, draft Record, tokens Tokens, also ...Listing) (*Record, Token, error) {
	made, err := c.CreateWith(ctx, draft, tokens, Together{Also: also})
	return made.Record, made.Token, err
}

// Together is what is written in one step with a new session.
type Together struct {
	// Take is the entry that the session takes the place of, with its listings From: it ends.
	Take Key
	From []Listing
	// Also are further listings, which stay when the session ends.
	Also []Listing
	// Append returns what is added to the sign-in log about the new session (Step.Append), nil for nothing. It may be nil.
	Append func(*Record) *Appended
}

// Made is a new session.
type Made struct {
	Record *Record
	Token  Token
	// Listed are the sessions that are listed for its user, as EndSurplus needs them. Some may have ended, or be of
	// another user.
	Listed []Key
	// Appended: what Together.Append returned is in the log.
	Appended bool
}

// CreateWith is Create with what belongs to it. It returns ErrNotFound if what it was to take does not exist: then there
// is no session. What it was to take ends with every other result but ErrUnavailable and ErrClosed, after which that is
// not known.
func (c *creator) CreateWith(ctx context.Context, draft Record, tokens Tokens, with Together) (Made, error) {
	draft.Created = c.now()
	draft.unbind(c.limits)
	return c.create(ctx, draft, tokens, time.Time{}, with)
}

// Succeed creates a session as Create does, to replace another session of the same user. After a step-up the session
// has a new ID but ends at the latest when the other would have (A13). It is never looser than the other in kind or
// limits, whatever the draft and the current configuration allow (X21, X23, A16). Succeed then ends the other session;
// if that fails, the other stays and no new one is created. It returns ErrExpired if the remaining lifetime is zero,
// and ErrNotFound if the other session was ended meanwhile: a revoked session does not continue under a new ID.
func (c *creator) Succeed(ctx context.Context, old *Record, draft Record, tokens Tokens) (*Record, Token, error) {
	if draft.Identity != old.Identity {
		return nil, Token{}, errors.New("a session cannot go on as another person's")
	}
	if now := c.now(); old.Check(now, c.limits) != nil && now.Before(old.MaxEnd(c.limits)) {
		// The caller's copy shows it as ended. Its record may have a later use, or may only be kept for its name.
		if _, err := c.loadGood(ctx, old.ID.Key()); err != nil {
			return nil, Token{}, fmt.Errorf("succeeding session: %w", err)
		}
	}
	if old.Kind == Browser && draft.Kind != Browser {
		draft.Kind, draft.KindReason = old.Kind, old.KindReason
	}
	draft.Created = old.Created
	draft.inherit(old, c.limits)
	draft.Began = old.Began
	return c.goOn(ctx, old, draft, tokens)
}

// Persist turns a browser session into a persistent one, because the user asks for it after sign-in. The session gets a
// new ID and a new secret, as after an answer at sign-in (A13). Its start does not change, so it ends when it would
// have ended with the answer Yes, by the current limits. The caller must check that the user may do this.
//
// Persist then ends the other session; if that fails, the other stays and no new one is created. It returns ErrNotFound
// if the other session was ended or is already persistent, ErrExpired if the remaining lifetime is zero, and
// keyring.ErrUnsealable if the token does not belong to the session.
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
	if !old.Binding.Bound() {
		draft.unbind(c.limits)
	}
	return c.goOn(ctx, old, draft, tokens)
}

// searchLasts is longer than any search for sessions that end takes, with the difference of the clocks of two replicas.
const searchLasts = 2 * time.Minute

// goOn creates a session from a draft in place of another one. At the end exactly one of the two exists.
//
// A note that sessions of the user were ended does not stop it if the note is older than searchLasts: the search has looked
// at the other session meanwhile, and left it.
func (c *creator) goOn(ctx context.Context, old *Record, draft Record, tokens Tokens) (*Record, Token, error) {
	made, err := c.create(ctx, draft, tokens, c.now().Add(-searchLasts), Together{})
	if err != nil {
		return nil, Token{}, err
	}
	if err := c.end(ctx, old); err != nil {
		c.discard(ctx, made.Record)
		return nil, Token{}, err
	}
	return made.Record, made.Token, nil
}

// create refuses a draft that a note of its beginning or later ends, but no note from before since.
func (c *creator) create(ctx context.Context, draft Record, tokens Tokens, since time.Time, with Together) (Made, error) {
	n, err := c.prepare(ctx, draft, tokens)
	if err != nil {
		if with.Take != "" && !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrClosed) {
			if _, gone := c.vault.Store.Remove(ctx, with.Take, with.From...); gone != nil {
				err = gone
			}
		}
		return Made{}, fmt.Errorf("writing session: %w", err)
	}
	s, key, list := n.s, n.s.ID.Key(), personBucket(n.s.Identity)
	asked := c.entries.generation(s.ID.digest(), c.now())
	// The token is returned only after the session is listed: an unlisted session could not be found and revoked (A45).
	step := Step{
		Take: with.Take, From: with.From,
		Create: Entry{Key: key, Value: n.written.sealed, Expires: s.forgotten(c.limits)},
		In:     append(s.listings(s.MaxEnd(c.limits), c.now().Add(markLife)), with.Also...),
		List:   list.index, Tag: list.tag,
	}
	var reported []Key
	step.Read, reported = c.subjects.about(s)
	if with.Append != nil {
		step.Append = with.Append(s)
	}
	done, err := c.vault.Store.Apply(ctx, step)
	if errors.Is(err, ErrNotFound) {
		return Made{}, err
	}
	var said Signalled
	if err == nil {
		said, err = c.subjects.noted(ctx, done.Entries, reported, max(s.began().UnixMilli(), since.UnixMilli()))
	}
	if err != nil {
		c.discard(ctx, s)
		return Made{}, fmt.Errorf("writing session: %w", err)
	}
	s.Version, n.token.Bound = 1, s.Binding.Bound()
	e := s.asEntry(n.written)
	c.made.keep(&e.Session, s)
	c.entries.keep(e, asked)
	if s.Signalled.take(said) {
		if s, err = c.rewrite(ctx, s.ID, func(s *Record) bool { return s.Signalled.take(said) }); err != nil {
			return Made{}, err
		}
	}
	return Made{Record: s, Token: n.token, Listed: list.keysOf(done.Members, sessionKind), Appended: done.Appended}, nil
}

// prepared is a session that is ready to be written.
type prepared struct {
	s       *Record
	token   Token
	written sealedRecord
}

// prepare makes a session of a draft, unless it has ended already.
func (c *creator) prepare(ctx context.Context, draft Record, tokens Tokens) (prepared, error) {
	n := prepared{token: NewToken(), s: draft.clone()}
	s := n.s
	s.ID, s.LastUsed = n.token.ID, c.now()
	s.roundTimes()
	key := s.ID.Key()
	var err error
	if s.sealedTokens, err = c.vault.sealTokens(tokens, n.token.Secret, key); err != nil {
		return n, err
	}
	s.Renewable = tokens.Refresh != ""
	if err := s.valid(); err != nil {
		return n, err
	}
	if err := c.standing(ctx, s); err != nil {
		return n, err
	}
	buf := encodings.Get().(*[]byte)
	defer encodings.Put(buf)
	plain, tail := encodeTo((*buf)[:0], s)
	*buf = plain
	n.written, err = c.vault.sealRecord(key, plain, tail, MaxValue-recordGrowth)
	return n, err
}

// discard removes a session that no browser has received. It ignores errors.
func (c *creator) discard(ctx context.Context, s *Record) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), touchTimeout)
	defer cancel()
	_ = c.End(ctx, s)
}

// standing refuses a new session that has already ended: a limit has passed, or it is revoked.
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

// Vet returns what was reported about the user of a session that no store has since it began. It returns ErrRevoked if
// sessions like it were ended since then.
func (c *creator) Vet(ctx context.Context, s *Record) (Signalled, error) {
	if err := c.revocations.settle(ctx, c.now()); err != nil {
		return Signalled{}, err
	}
	if c.revocations.revoked(s.began().UnixMilli(), providerMark(s.Provider), personMark(s.Identity)) {
		return Signalled{}, ErrRevoked
	}
	return c.subjects.unended(ctx, s, time.Time{})
}

// VetToken is Vet for a token that Latchkey issues. s is what is known of its user; Created is when the token was made.
func (c *creator) VetToken(ctx context.Context, s *Record) (said Signalled, err error) {
	if err := c.revocations.settle(ctx, c.now()); err != nil {
		return said, err
	}
	if c.revocations.revoked(s.Created.UnixMilli(), providerMark(s.Provider), personMark(s.Identity)) {
		return said, ErrRevoked
	}
	reported := []Key{signalledKey(s.Identity)}
	keys := []Key{tokensEndedKey(personBucket(s.Identity))}
	for _, name := range s.KnownAs {
		keys = append(keys, tokensEndedKey(knownAsBucket(s.Identity.Issuer, name)))
		reported = append(reported, signalledNamedKey(s.Identity.Issuer, name))
	}
	return c.subjects.read(ctx, append(keys, reported...), reported, s.Created.UnixMilli())
}
