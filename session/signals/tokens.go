package signals

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// endsTokens reports whether the tokens that users have made for programs end as well: if the event ends all sessions of the
// users that it names. A sign-out at the provider says nothing about programs.
func (r *Report) endsTokens(t *target) bool {
	return r.Event.Kind != ProviderSignedOut && len(t.device) == 0 && (len(t.sessions) == 0 || t.either)
}

// endTokens ends the tokens of the users of a target, also of those who have no session, and returns the ones that were live.
// All tokens until now end, not only those from before the event: a session that the event ends may have made one since. By a
// name it also ends tokens that it cannot list.
func (a *Actor) endTokens(ctx context.Context, r *Report, t *target) (ended []*apitoken.Owned, err error) {
	if !r.endsTokens(t) {
		return nil, nil
	}
	users, err := a.tokenUsers(ctx, r, t)
	if err != nil {
		return nil, err
	}
	for _, user := range users {
		some, err := a.Tokens.EndWithUser(ctx, user)
		if err != nil {
			return nil, err
		}
		ended = append(ended, some...)
	}
	// The note by name comes last: after it the tokens that it ends are not listed any more. It also ends those made meanwhile.
	for _, name := range t.names {
		if err := a.Sessions.EndTokensNamed(ctx, r.Provider.Issuer, name); err != nil {
			return ended, err
		}
	}
	return ended, nil
}

// tokenUsers returns the users of a target, with those who have tokens and no session.
func (a *Actor) tokenUsers(ctx context.Context, r *Report, t *target) (users []session.Identity, err error) {
	if users, err = a.users(ctx, r, t); err != nil {
		return nil, err
	}
	return t.addNamed(ctx, users, r.Provider.Issuer, a.Tokens.UsersNamed)
}

// tellTokens emits an event for each token that has ended, and writes one entry of the log for each of their users.
func (a *Actor) tellTokens(r *Report, ended []*apitoken.Owned) {
	for first := 0; first < len(ended); {
		who, next := ended[first].Who, first
		for ; next < len(ended) && ended[next].Who.Identity == who.Identity; next++ {
			a.Tell(access.EventTokenRevoked, map[string]any{
				"token": ended[next].Short(), "app": ended[next].App, "user_issuer": who.Identity.Issuer, "user_subject": who.Identity.Subject,
				"user_name": who.User, "provider": r.Provider.Name, "by": r.By, "signal": string(r.Event.Kind), "from": r.From,
			})
		}
		rec := signinlog.Record{
			Code: signinlog.GrantRevoked, UserIssuer: who.Identity.Issuer, UserSubject: who.Identity.Subject, UserName: who.User,
			TokenID: ended[first].Short(), Detail: r.Event.String(),
		}
		if n := next - first; n > 1 {
			rec.TokenID, rec.Detail = "", fmt.Sprintf("%s; %d tokens", r.Event.String(), n)
		}
		a.write(r, rec)
		first = next
	}
	if len(ended) > 0 {
		a.Logger.Info("tokens ended by the provider", zap.String("provider", r.Provider.Name), zap.String("from", r.From),
			zap.String("event", r.Event.String()), zap.Int("tokens", len(ended)))
	}
}
