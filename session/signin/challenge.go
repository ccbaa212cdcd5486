package signin

import (
	"context"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
)

// Entra holds its own policies against people also when it redeems a code or a refresh token. Its refusal then holds a
// claims challenge: what the parameter claims of a new authorization request has to say. Without it the person would meet
// the same refusal again and again.

// challengeLife is how long the challenge of a session that a renewal has ended waits for the person to sign in again.
const challengeLife = time.Hour

// keepChallenge keeps a challenge for the sign-in that follows the end of a session. Where that fails the next redemption
// meets the challenge, and answers it.
func (s *renewer) keepChallenge(ctx context.Context, id session.ID, challenge string) {
	if err := s.Sessions.KeepChallenge(ctx, id, challenge, s.Now().Add(challengeLife)); err != nil {
		s.Logger.Warn("claims challenge not kept", zap.String("session", id.Short()), zap.Error(err))
	}
}

// challengeOf returns the challenge of the session that a request presents and that is over; empty if there is none.
func (s *starter) challengeOf(r *http.Request, v *Visit) string {
	token, err := s.token(v)
	if err != nil {
		return ""
	}
	ctx, cancel := detach(r, storeTimeout)
	defer cancel()
	challenge, err := s.Sessions.Challenge(ctx, token.ID)
	if err != nil {
		return "" // most often there is none; see keepChallenge
	}
	return challenge
}

// answerChallenge sends somebody to the provider again with the challenge that it gave for their code. It does so once: a
// provider that asks again for what it was given would have them go round for ever.
func (s *finisher) answerChallenge(w http.ResponseWriter, r *http.Request, v *Visit, f *flow, p *Provider, e *grant.Error) bool {
	if e.Challenge == "" || f.Challenge != "" {
		return false
	}
	again := s.again(f)
	again.Challenge = e.Challenge
	rec := challenged(e)
	s.log(v, r, f, rec)
	s.Logger.Info("provider asks for more before it redeems the code, a new sign-in asks for that",
		zap.String("provider", p.Name), zap.String("correlation_id", f.Correlation), zap.Error(e), zap.String("provider_says", e.Says))
	s.begin(w, r, v, again, beginning{})
	return true
}
