package apitoken

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// ErrStale: the provider has not said for more than StaleAfter that the user has an account. The next sign-in of the user
// changes that.
var ErrStale = errors.New("the user has not been confirmed for a day")

const (
	// StaleAfter is how old what is known of a user may become.
	StaleAfter = 24 * time.Hour
	// freshFor is how old it may become before the sessions of the user are looked at for something newer.
	freshFor = 5 * time.Minute
	// lookEvery is how often they are looked at in vain, for one user.
	lookEvery = time.Minute
	// maxLooked limits for how many users it is remembered when they were looked at. maxSessions is how many sessions are
	// looked at.
	maxLooked   = 10_000
	maxSessions = 20
)

// looked remembers at which users' sessions one was looking a moment ago. The zero value is ready to use.
type looked struct {
	mu sync.Mutex
	at map[session.Key]time.Time
}

// due reports whether to look again, and if so remembers it.
func (l *looked) due(key session.Key, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if since := now.Sub(l.at[key]); since >= 0 && since < lookEvery {
		return false
	}
	if l.at == nil || len(l.at) >= maxLooked {
		l.at = map[session.Key]time.Time{}
	}
	l.at[key] = now
	return true
}

// standing returns what is known of the user of a token now.
func (k *Keeper) standing(ctx context.Context, t *Token, now time.Time) (*session.Record, error) {
	if !t.Personal() {
		return t.service(now), nil
	}
	o, err := k.owner(ctx, t.owner)
	if err != nil {
		return nil, err
	}
	if now.Sub(o.who.LastAnswer()) >= freshFor && k.looked.due(t.owner, now) {
		k.renewGrant(ctx, o.who.Identity, now)
		if err := k.renew(ctx, o); err != nil {
			return nil, err
		}
	}
	if now.Sub(o.who.LastAnswer()) >= StaleAfter {
		return nil, ErrStale
	}
	return o.who, nil
}

// renew takes up what the newest session of the user says, if that is newer than what is known.
func (k *Keeper) renew(ctx context.Context, o *owner) error {
	newest, err := k.newest(ctx, o.who.Identity)
	if err != nil {
		return err
	}
	if newest == nil || !newest.LastAnswer().After(o.who.LastAnswer()) {
		return nil
	}
	o.learn(newest, o.until)
	if err := k.write(ctx, o); err != nil && !errors.Is(err, session.ErrConflict) && !errors.Is(err, session.ErrNotFound) {
		return err
	}
	return nil
}

// newest returns the session of a user of which the provider has spoken last; nil if there is none.
func (k *Keeper) newest(ctx context.Context, who session.Identity) (*session.Record, error) {
	own, err := k.Sessions.Own(ctx, who, maxSessions)
	if err != nil {
		return nil, fmt.Errorf("looking at the sessions of a user: %w", err)
	}
	var newest *session.Record
	for _, one := range own.Sessions {
		if newest == nil || one.LastAnswer().After(newest.LastAnswer()) {
			newest = one
		}
	}
	return newest, nil
}

// known returns what is known of a user: from a session, else as kept for the tokens. What is kept says nothing any more once
// the user's tokens were ended, which is ErrNotFound.
func (k *Keeper) known(ctx context.Context, who session.Identity) (*session.Record, error) {
	if newest, err := k.newest(ctx, who); err != nil || newest != nil {
		return newest, err
	}
	o, err := k.owner(ctx, ownerKey(who))
	if err != nil {
		return nil, err
	}
	kept := *o.who
	kept.Created = kept.LastAnswer()
	kept.Began = kept.Created
	if _, err := k.vet(ctx, &kept); errors.Is(err, session.ErrRevoked) {
		return nil, session.ErrNotFound
	} else if err != nil {
		return nil, err
	}
	return o.who, nil
}
