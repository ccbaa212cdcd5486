package bearer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
)

// Own are the tokens that Latchkey itself issues (package apitoken), at one app.
type Own struct {
	// App is the app of the site.
	App string
	// Tokens returns the tokens. An error means that they cannot be reached.
	Tokens func() (Tokens, error)
}

// Tokens finds tokens that Latchkey has issued. apitoken.Keeper says what the methods do.
type Tokens interface {
	Find(ctx context.Context, id session.ID, app string) (*apitoken.Token, *session.Record, error)
	Used(ctx context.Context, t *apitoken.Token, from string)
	Stamp() uint64
	Fresh(stamp uint64, read time.Time) bool
	Spared(stamp uint64, read time.Time) bool
}

var (
	errUnknown = badToken(ReasonUnknown, "there is no such token for this app")
	errEnded   = badToken(ReasonExpired, "the token has ended")
	// A client forgets a token that is answered 401. This one is good again as soon as its user has signed in.
	errStale = &Refused{Status: http.StatusForbidden, Reason: ReasonStale, Says: "the user of the token has not signed in for a day: open this site in a browser once"}
)

// fresh reports whether a token need not be read again.
func (o *Own) fresh(t *Token) bool {
	tokens, err := o.Tokens()
	return err == nil && tokens.Fresh(t.stamp, t.read)
}

// verifyOwn decides on a token that claims to be one of Latchkey. old is what was known of it, nil if nothing.
//
// Wrong tokens are counted by address. Whose token is guessed is not known, so no user is ever held off. Of an address that guesses, few
// tokens that were not good before are looked up.
func (v *Verifier) verifyOwn(ctx context.Context, p Presented, from netip.Addr, old *Token) (*Token, error) {
	if v.Own == nil {
		return nil, ErrForeign
	}
	if p.id == (session.ID{}) {
		return nil, v.wrong(from, errUnknown)
	}
	tokens, err := v.Own.Tokens()
	if err != nil {
		return nil, err
	}
	stamp, now := tokens.Stamp(), v.Now()
	if old == nil && v.unknown.has(p.hash, now) {
		return nil, v.wrong(from, errUnknown)
	}
	guesses, refused := v.next(p, &own, from)
	if refused != nil {
		return nil, refused
	}
	// The store limits the time. A look-up that no client can end leads others on their way to it.
	t, who, err := tokens.Find(context.WithoutCancel(ctx), p.id, v.Own.App)
	if guesses && (err == nil || decided(err)) {
		v.Guesses.turns.forget(p.hash)
	}
	switch {
	case err == nil:
	case errors.Is(err, session.ErrNotFound):
		v.unknown.add(p.hash, now)
		return nil, v.wrong(from, errUnknown)
	case errors.Is(err, session.ErrExpired):
		return nil, errEnded
	case errors.Is(err, session.ErrRevoked):
		return nil, ErrRevoked
	case errors.Is(err, apitoken.ErrStale):
		return nil, errStale
	case old != nil && tokens.Spared(old.stamp, old.read):
		return old, nil
	default:
		return nil, err
	}
	tokens.Used(ctx, t, from.String())
	live, err := who.Unstored()
	if err != nil {
		return nil, fmt.Errorf("token %s: %w", t.Short(), err)
	}
	return &Token{Session: live, Expires: t.Expires, until: t.Expires, own: true, stamp: stamp, read: now}, nil
}

// decided reports whether an error says something about a token, not about the store.
func decided(err error) bool {
	return errors.Is(err, session.ErrNotFound) || errors.Is(err, session.ErrExpired) || errors.Is(err, session.ErrRevoked) || errors.Is(err, apitoken.ErrStale)
}

// Revoked reports whether a token of Latchkey was revoked since a request that goes on was decided. A store that does not
// answer has not revoked it.
func (v *Verifier) Revoked(ctx context.Context, t *Token) bool {
	if !t.own || v.Own.fresh(t) {
		return false
	}
	tokens, err := v.Own.Tokens()
	if err != nil {
		return false
	}
	_, _, err = tokens.Find(ctx, t.Session.ID, v.Own.App)
	return errors.Is(err, session.ErrNotFound) || errors.Is(err, session.ErrRevoked)
}

// wrong counts a wrong token, and returns how it is refused.
func (v *Verifier) wrong(from netip.Addr, why *Refused) *Refused {
	if wait, ok := v.Guesses.wrong.Allow(from, "", v.Now()); !ok {
		return tooMany(wait)
	}
	return why
}
