package apitoken

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-gateway/latchkey/session"
)

// lists is the kind of the lists of tokens.
const lists = "tu"

// list is the list of the tokens of the same user, or the same service.
func (t *Token) list() session.OwnerList { return listOf(t.owner, t.Service) }

func listOf(owner session.Key, service string) session.OwnerList {
	return session.NewOwnerList(lists, tokenKind, string(owner), service)
}

func (t *Token) listing() session.Listing { return t.list().Listing(t.key, t.Expires) }

// Owned is a token and who has it.
type Owned struct {
	*Token
	// Who is what is known of the user; for a service its name and groups.
	Who *session.Record
}

// OfService returns a token of a service with its name and groups.
func (t *Token) OfService() *Owned { return &Owned{t, t.service(t.Created)} }

// Own returns the tokens of a user, those that end last first. Tokens that were ended with the user are not among them, and
// neither are those that cannot be read, for instance because the key that sealed them is gone: they open nothing.
func (k *Keeper) Own(ctx context.Context, who session.Identity) ([]*Token, error) {
	all, err := k.OwnedBy(ctx, who)
	if err != nil {
		return nil, err
	}
	var found []*Token
	for _, one := range all {
		found = append(found, one.Token)
	}
	return found, nil
}

// OwnedBy is Own, with what is known of the user. After an error it returns the tokens that it has read before.
func (k *Keeper) OwnedBy(ctx context.Context, who session.Identity) ([]*Owned, error) {
	owner := ownerKey(who)
	keys, err := listOf(owner, "").Keys(ctx, k.Vault.Store)
	if err != nil {
		return nil, fmt.Errorf("listing tokens: %w", err)
	}
	var found []*Owned
	for i := len(keys) - 1; i >= 0; i-- {
		one, err := k.owned(ctx, keys[i])
		switch {
		case err == nil && one.owner == owner:
			found = append(found, one)
		case err != nil && unanswered(ctx, err):
			return found, err
		}
	}
	return found, nil
}

// RevokeOwn ends a token of a user by its short hash. It returns ErrNotFound if the user has no such token, even if another
// user has (A23).
func (k *Keeper) RevokeOwn(ctx context.Context, who session.Identity, short string) (*Token, error) {
	all, err := k.Own(ctx, who)
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		if t.Short() == short {
			return t, k.Revoke(ctx, t)
		}
	}
	return nil, session.ErrNotFound
}

// EndWithUser ends all tokens of a user, because the user may not enter any more or has said so, and returns those that were
// live, as far as they can be read. It notes the end first: tokens that cannot be read, or are made meanwhile, end too.
func (k *Keeper) EndWithUser(ctx context.Context, who session.Identity) ([]*Owned, error) {
	live, _ := k.OwnedBy(ctx, who) // only for the answer
	if err := k.Sessions.EndTokens(ctx, who); err != nil {
		return nil, err
	}
	for _, one := range live {
		_ = k.Revoke(ctx, one.Token) // the note has ended it: this only frees its place
	}
	return live, nil
}

// Named returns the token with a short hash, for an administrator. It returns ErrNotFound if there is none, or more than one.
func (k *Keeper) Named(ctx context.Context, short string) (*Owned, error) {
	var found session.Key
	for i := range session.OwnerLists {
		keys, err := session.KeysOfAll(ctx, k.Vault.Store, lists, tokenKind, i)
		if err != nil {
			return nil, fmt.Errorf("finding token: %w", err)
		}
		for _, key := range keys {
			if shortOf(key) != short {
				continue
			}
			if found != "" {
				return nil, session.ErrNotFound
			}
			found = key
		}
	}
	if found == "" {
		return nil, session.ErrNotFound
	}
	return k.owned(ctx, found)
}

// owned reads a token and what is known of who has it. A token that was ended with its user is not found, and removed.
func (k *Keeper) owned(ctx context.Context, key session.Key) (*Owned, error) {
	t, err := k.get(ctx, key)
	if err != nil {
		return nil, err
	}
	if !k.Now().Before(t.Expires) {
		return nil, session.ErrNotFound
	}
	who := t.service(k.Now())
	if t.Personal() {
		o, err := k.owner(ctx, t.owner)
		if err != nil {
			return nil, err
		}
		who = o.who
	}
	who.Created, who.Began = t.Created, t.Created
	if _, err = k.vet(ctx, who); errors.Is(err, session.ErrRevoked) {
		if err := k.Revoke(ctx, t); err != nil {
			return nil, err
		}
		return nil, session.ErrNotFound
	} else if err != nil {
		return nil, err
	}
	return &Owned{t, who}, nil
}

func isGone(err error) bool { return errors.Is(err, session.ErrNotFound) }

// unanswered reports whether an error of a look-up is one of the store, and not of what it has.
func unanswered(ctx context.Context, err error) bool {
	return errors.Is(err, session.ErrUnavailable) || errors.Is(err, session.ErrClosed) || ctx.Err() != nil
}
