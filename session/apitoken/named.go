package apitoken

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// An event may name a user by an address. A user without a session is found by it in what is kept for the tokens.

// names is the kind of the lists of users with tokens by their names; see session.Record.KnownAs.
const names = "tn"

// namings returns the listings of what is known of a user.
func namings(who *session.Record, key session.Key, until time.Time) (in []session.Listing) {
	for _, name := range who.KnownAs {
		in = append(in, session.NewOwnerList(names, ownerKind, who.Identity.Issuer, name).Listing(key, until))
	}
	return in
}

// UsersNamed returns the users of an issuer who have had tokens, by a name under which the provider knows them; see
// session.Record.KnownAs. Usually it is one, or none. A name that a user had before is none.
func (k *Keeper) UsersNamed(ctx context.Context, issuer, name string) (users []session.Identity, err error) {
	keys, err := session.NewOwnerList(names, ownerKind, issuer, name).Keys(ctx, k.Vault.Store)
	if err != nil {
		return nil, fmt.Errorf("finding users with tokens: %w", err)
	}
	for _, key := range keys {
		o, err := k.owner(ctx, key)
		switch {
		case err == nil && o.who.Identity.Issuer == issuer && slices.Contains(o.who.KnownAs, name):
			users = append(users, o.who.Identity)
		case err != nil && unanswered(ctx, err):
			return nil, err
		}
	}
	return users, nil
}
