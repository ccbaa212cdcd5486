package apitoken

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// What is known of a user who has tokens is kept once for all of them: it is larger than a token, and changes with each
// renewal of claims.

// owner is what is known of a user who has tokens.
type owner struct {
	who     *session.Record
	key     session.Key
	version uint64
	// until is when the last token of the user ends.
	until time.Time
}

const ownerKind = "to:"

func ownerKey(who session.Identity) session.Key {
	return session.HashKey("to", who.Issuer, who.Subject)
}

// writeTries is how often a write that conflicts with another one is tried.
const writeTries = 4

// learn keeps what a session says of a user, at least until a time. What is known already stays if it is more recent.
func (k *Keeper) learn(ctx context.Context, who *session.Record, until time.Time) error {
	key := ownerKey(who.Identity)
	for try := 1; ; try++ {
		o, err := k.owner(ctx, key)
		switch {
		case errors.Is(err, session.ErrNotFound):
			plain, packed := k.pack(who, until, key)
			if packed != nil {
				return packed
			}
			err = k.Vault.PutKept(ctx, key, plain, until, namings(who, key, until)...)
		case err == nil:
			o.learn(who, until)
			err = k.write(ctx, o)
		}
		again := errors.Is(err, session.ErrConflict) || errors.Is(err, session.ErrNotFound)
		if err == nil || !again || try == writeTries {
			return err
		}
	}
}

func (o *owner) learn(who *session.Record, until time.Time) {
	if who.LastAnswer().After(o.who.LastAnswer()) {
		newer := *who
		newer.Signalled = who.Signalled.With(o.who.Signalled)
		o.who = &newer
	}
	if until.After(o.until) {
		o.until = until
	}
}

func (k *Keeper) write(ctx context.Context, o *owner) error {
	plain, err := k.pack(o.who, o.until, o.key)
	if err != nil {
		return err
	}
	for _, one := range namings(o.who, o.key, o.until) {
		if err := k.Vault.Store.Enlist(ctx, one.Index, one.Member, one.Until); err != nil {
			return err
		}
	}
	o.version, err = k.Vault.Replace(ctx, o.key, plain, o.version, o.until)
	return err
}

// pack returns the bytes of what is known. Of a session only what says something of its user is kept: not its browser, its
// limits or the provider's tokens.
func (k *Keeper) pack(who *session.Record, until time.Time, key session.Key) ([]byte, error) {
	kept := session.Record{
		Kind: session.Browser, Identity: who.Identity, Provider: who.Provider,
		GroupsAsOf: who.GroupsAsOf, Confirmed: who.Confirmed, EmailVerified: who.EmailVerified, UserUnverified: who.UserUnverified,
		Guest: who.Guest, GuestUnclear: who.GuestUnclear, GroupsUnclear: who.GroupsUnclear, GroupsComplete: who.GroupsComplete,
		User: who.User, Name: who.Name, Email: who.Email, Groups: who.Groups, Unverified: who.Unverified, KnownAs: who.KnownAs,
		Claims: who.Claims, UserInfo: who.UserInfo, AuthTime: who.AuthTime, ACR: who.ACR, AMR: who.AMR, Contexts: who.Contexts,
		SignInRisk: who.SignInRisk, UserRisk: who.UserRisk, Signalled: who.Signalled,
		Created: until, // its end: an entry of its own would need more space
	}
	draft, err := k.Vault.SealDraft(kept, session.Tokens{}, session.Secret{}, key)
	if err != nil {
		return nil, err
	}
	return draft.Encode(), nil
}

func (k *Keeper) owner(ctx context.Context, key session.Key) (*owner, error) {
	plain, version, err := k.Vault.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("reading what is known of a user: %w", err)
	}
	draft, err := session.ReadDraft(plain)
	if err != nil {
		return nil, fmt.Errorf("reading what is known of a user: %w", err)
	}
	who := draft.Record()
	o := &owner{who: &who, key: key, version: version, until: who.Created}
	who.Created = time.Time{}
	return o, nil
}
