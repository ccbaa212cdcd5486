package apitoken

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// Config configures a Keeper. All but Renew is required.
type Config struct {
	Vault    session.Vault
	Sessions *session.Manager
	// Renew renews the claims of a session at its provider. Nil: what is known of users is what their browsers bring.
	Renew Renew
	Now   func() time.Time
}

// Keeper makes, finds, lists and revokes tokens in a store. It is safe for concurrent use.
type Keeper struct {
	Config
	looked looked
}

// New returns a keeper.
func New(c Config) *Keeper { return &Keeper{Config: c} }

const tokenKind = "t:"

// keyOf returns the key of a token in the store.
func keyOf(id session.ID) session.Key { return tokenKind + id.Key()[len("s:"):] }

// Short returns the short hash that names the token in lists, on pages and in logs.
func (t *Token) Short() string { return shortOf(t.key) }

func shortOf(key session.Key) string { return session.ShortOf("s:" + key[len(tokenKind):]) }

// Create makes a token for a user and returns it with its text, which is kept nowhere. who is the user's session: what it
// says of the user is what is known of them. Its errors besides those of the store are ErrName, ErrLife and ErrMany.
func (k *Keeper) Create(ctx context.Context, who *session.Record, d Draft) (*Token, string, error) {
	t := &Token{owner: ownerKey(who.Identity)}
	return k.create(ctx, t, d, func() error { return k.learn(ctx, who, t.Expires) })
}

// CreateFor makes a token for a user who has a session or a token, as Create does; the newest of what is known of the user
// counts. It returns ErrNotFound for another user, and for one whose sessions were all ended since.
func (k *Keeper) CreateFor(ctx context.Context, who session.Identity, d Draft) (*Owned, string, error) {
	known, err := k.known(ctx, who)
	if err != nil {
		return nil, "", err
	}
	t, text, err := k.Create(ctx, known, d)
	if err != nil {
		return nil, "", err
	}
	return &Owned{t, known}, text, nil
}

// CreateService makes a token for a service. Its errors besides those of the store are ErrName, ErrLife, ErrMany, ErrService
// and ErrGroups.
func (k *Keeper) CreateService(ctx context.Context, name string, groups []string, d Draft) (*Token, string, error) {
	if name == "" {
		return nil, "", ErrService
	}
	return k.create(ctx, &Token{Service: name, Groups: groups}, d, func() error { return nil })
}

func (k *Keeper) create(ctx context.Context, t *Token, d Draft, learn func() error) (*Token, string, error) {
	t.Name, t.App, t.Created, t.Expires = d.Name, d.App, whole(k.Now()), whole(d.Expires)
	if d.Expires.IsZero() {
		t.Expires = t.Created.Add(DefaultLife)
	}
	if err := t.check(); err != nil {
		return nil, "", err
	}
	keys, err := t.list().Keys(ctx, k.Vault.Store)
	if err != nil {
		return nil, "", fmt.Errorf("listing tokens: %w", err)
	}
	if len(keys) >= MaxTokens {
		return nil, "", ErrMany
	}
	if err := learn(); err != nil {
		return nil, "", fmt.Errorf("keeping what is known of a user: %w", err)
	}
	text := newText()
	id, _ := ID(text)
	t.key = keyOf(id)
	if err := k.Vault.PutKept(ctx, t.key, t.encode(), t.Expires, t.listing()); err != nil {
		return nil, "", fmt.Errorf("writing token: %w", err)
	}
	t.version = 1
	return t, text, nil
}

// Find returns a token and what is known of its user, for a request to an app. The record is that of a session that no store
// has: its ID is that of the token, and it began when the token was made.
//
// ErrNotFound: there is no such token, or not for this app. ErrExpired: it has ended. ErrRevoked: it was ended with its user.
// ErrStale: it is not known whether the user still has an account. Any other error says nothing about the token.
func (k *Keeper) Find(ctx context.Context, id session.ID, app string) (*Token, *session.Record, error) {
	t, err := k.get(ctx, keyOf(id))
	if err != nil {
		return nil, nil, err
	}
	if t.App != app {
		return nil, nil, session.ErrNotFound
	}
	now := k.Now()
	if !now.Before(t.Expires) {
		return nil, nil, session.ErrExpired
	}
	who, err := k.standing(ctx, t, now)
	if err != nil {
		return nil, nil, err
	}
	who.ID, who.Created, who.Began, who.LastUsed = id, t.Created, t.Created, now
	if who.Signalled, err = k.vet(ctx, who); err != nil {
		return nil, nil, err
	}
	return t, who, nil
}

// vet returns what was reported about the user of a token.
func (k *Keeper) vet(ctx context.Context, who *session.Record) (session.Signalled, error) {
	said, err := k.Sessions.VetToken(ctx, who)
	if err != nil {
		return said, err
	}
	return who.Signalled.With(said), nil
}

func (k *Keeper) get(ctx context.Context, key session.Key) (*Token, error) {
	plain, version, err := k.Vault.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("reading token: %w", err)
	}
	t, err := decode(plain)
	if err != nil {
		return nil, fmt.Errorf("reading token: %w", err)
	}
	t.key, t.version = key, version
	return t, nil
}

// usedEvery is how often the last use of a token is written.
const usedEvery = time.Hour

// Used notes that a token is used, from an address, at most once in usedEvery. A failure is not an error of the request: the
// next use tries again.
func (k *Keeper) Used(ctx context.Context, t *Token, from string) {
	now := k.Now()
	if now.Sub(t.LastUsed) < usedEvery {
		return
	}
	next := *t
	next.LastUsed, next.LastIP = whole(now), from
	_, _ = k.Vault.Replace(ctx, t.key, next.encode(), t.version, t.Expires)
}

// Stamp returns a number for what Find returns; see session.Manager.TokenStamp.
func (k *Keeper) Stamp() uint64 { return k.Sessions.TokenStamp() }

// Fresh reports whether what Find has returned may be used; see session.Manager.TokenFresh.
func (k *Keeper) Fresh(stamp uint64, read time.Time) bool { return k.Sessions.TokenFresh(stamp, read) }

// Spared reports whether it may be used although the store does not answer; see session.Manager.TokenSpared.
func (k *Keeper) Spared(stamp uint64, read time.Time) bool {
	return k.Sessions.TokenSpared(stamp, read)
}

// Revoke ends a token. It returns ErrNotFound if another call did so before.
func (k *Keeper) Revoke(ctx context.Context, t *Token) error {
	return k.Sessions.RevokeToken(ctx, t.key, t.listing())
}
