package accesstoken

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/renew"
)

const (
	// lookAgain is how long a token that is due is used without looking whether there is another one.
	lookAgain = time.Second
	// afterSignIn is how long after an answer of the provider without a usable token a sign-in is not expected to bring one.
	// Without it a user would go to the provider and back forever.
	afterSignIn = time.Minute
	// tries is how often a renewal is asked for: it may have joined one that was not for a token.
	tries = 2
)

// Keeper gets access tokens for applications. It is safe for concurrent use.
type Keeper struct {
	*access.Environment
	renewer *renew.Renewer
	// began is when the configuration began, rounded as the times of a session are. A session of before may lack a token
	// because no site wanted one.
	began  time.Time
	held   held
	listen sync.Once

	mu      sync.Mutex
	flights map[place]*flight
	refused retry.Holds[place, error]
	// complained limits log messages about exchanges, by provider.
	complained retry.Holds[string, struct{}]
}

// New returns a keeper.
func New(e *access.Environment, renewer *renew.Renewer) *Keeper {
	return &Keeper{
		Environment: e, renewer: renewer, began: e.Now().Truncate(time.Millisecond), held: held{most: maxHeld, mostBytes: maxHeldBytes}, flights: map[place]*flight{},
		refused: retry.Holds[place, error]{Most: maxRefused}, complained: retry.Holds[string, struct{}]{Most: maxRefused},
	}
}

// Bare returns the token in the value of a header Authorization.
func Bare(authorization string) string { return strings.TrimPrefix(authorization, scheme) }

// Authorization returns the value of the header Authorization for requests of a session to an application: its access
// token, or with x the one for which the provider has exchanged it. what names x; it is empty without.
//
// The token has not ended. The error otherwise is that of a session that has ended (access.Over); ErrTokenOver if only a
// sign-in helps; or ErrNoAccessToken.
func (k *Keeper) Authorization(r *http.Request, who *session.Session, token session.Token, what string, x *oidc.Exchange) (string, error) {
	if header, ok := k.held.get(place{token.ID, what}, k.Now()); ok {
		return header, nil
	}
	k.listen.Do(func() { k.Sessions.OnChange(k.held.drop) })
	if x != nil {
		return k.exchanged(r, who, token, place{token.ID, what}, x)
	}
	t, err := k.own(r, who, token)
	if err != nil {
		return "", err
	}
	return scheme + t.Access, nil
}

// own returns the tokens of a session, with an access token that has not ended.
func (k *Keeper) own(r *http.Request, who *session.Session, token session.Token) (t session.Tokens, err error) {
	for range tries {
		if t, err = k.open(who, token); err != nil {
			return t, err
		}
		now := k.Now()
		if t.AccessGood(now) {
			due := !now.Before(t.AccessDue())
			k.hold(place{id: token.ID}, &t, due, now)
			if due {
				_, _ = k.renewer.RenewToken(r, who, token, false) // this token still serves
			}
			return t, nil
		}
		fresh, err := k.renewer.RenewToken(r, who, token, true)
		if err != nil {
			return t, k.why(who, &t, err)
		}
		who = fresh
	}
	if t, err = k.open(who, token); err != nil {
		return t, err
	}
	if t.AccessGood(k.Now()) {
		k.hold(place{id: token.ID}, &t, false, k.Now())
		return t, nil
	}
	return t, k.why(who, &t, nil)
}

func (k *Keeper) open(who *session.Session, token session.Token) (t session.Tokens, err error) {
	record, err := who.Record()
	if err != nil {
		return t, err
	}
	return k.Sessions.Tokens(record, token)
}

// hold keeps a token in memory. One that is due is looked at again soon.
func (k *Keeper) hold(p place, t *session.Tokens, due bool, now time.Time) {
	o := &one{header: scheme + t.Access, look: t.AccessDue(), ends: t.AccessUntil()}
	if due {
		o.look = now.Add(lookAgain)
	}
	k.held.put(p, o, now)
}

// why returns the error for a session without a token that can be used. A sign-in helps unless the provider has just
// answered, and has given none.
func (k *Keeper) why(who *session.Session, t *session.Tokens, err error) error {
	switch {
	case err != nil && access.Over(err):
		return err
	case errors.Is(err, oidc.ErrProviderDown):
		return fmt.Errorf("%w: %w", access.ErrNoAccessToken, err)
	case t.Access == "" && !who.LastAnswer().Before(k.began) && k.Now().Sub(who.LastAnswer()) < afterSignIn:
		return fmt.Errorf("%w: the provider has issued none that can be forwarded", access.ErrNoAccessToken)
	}
	return access.ErrTokenOver
}

// Held returns how many tokens are in memory.
func (k *Keeper) Held() int { return k.held.size() }
