package access

import (
	"context"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
)

// AlsoEnds is what a sign-out ends besides the session of the browser.
type AlsoEnds struct {
	// Sessions: all other sessions of the user. Tokens: the user's tokens for programs.
	Sessions, Tokens bool
}

// HeldTokens returns the tokens for programs that a user has, for any app. Without an app for which there can be tokens it
// returns none.
func (s *Environment) HeldTokens(ctx context.Context, who session.Identity) ([]*apitoken.Token, error) {
	if s.TokenApps == nil || len(s.TokenApps()) == 0 {
		return nil, nil
	}
	return s.Tokens.Own(ctx, who)
}

// TellToken emits an event about a token that its user has made or ended.
func (s *Recorder) TellToken(event string, who *session.Record, t *apitoken.Token) {
	s.Tell(event, map[string]any{
		"token": t.Short(), "app": t.App, "user_issuer": who.Identity.Issuer, "user_subject": who.Identity.Subject, "user_name": who.User,
		"by": ByPerson,
	})
}
