package renew

import (
	"cmp"
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// The results of a renewal, for Config.OnRenewal and docs/renewal.md.
const (
	// RenewalRenewed: the provider stated the claims.
	RenewalRenewed = "renewed"
	// RenewalConfirmed: it accepted the refresh token and stated no groups; those of the first ID token stay.
	RenewalConfirmed = "confirmed"
	// RenewalKept: it accepted the refresh token, and its statements about the user cannot be used.
	RenewalKept = "kept"
	// RenewalEnded: the session has ended.
	RenewalEnded = "ended"
	// RenewalDoubted: it refused in a way that does not end the session at once.
	RenewalDoubted = "doubted"
	// RenewalOutage: the provider cannot answer, or does not accept this client.
	RenewalOutage = "outage"
	// RenewalFailed: anything else, which is treated as a problem of this session only.
	RenewalFailed = "failed"
)

const (
	// refusedPause is how long to wait after a refusal for the result of another replica.
	refusedPause = 2 * time.Second
	// doubtPause is the pause after a refusal that may have another cause.
	doubtPause = 10 * time.Minute
	renewRetry = 250 * time.Millisecond
	// complainEvery is the shortest interval between log messages that a provider cannot be reached for renewals.
	complainEvery = 15 * time.Second
)

// renew sends the session's refresh token to the provider. It returns ErrConflict if another replica is renewing, and
// ErrNotFound if the session has ended.
func (s *Renewer) renew(ctx context.Context, p *oidc.Provider, token session.Token, why need) (*session.Session, error) {
	done, err := s.refreshing.Lease(ctx, token.ID)
	if err != nil {
		return nil, err
	}
	defer done(context.WithoutCancel(ctx))
	// The lease may be free because another replica has just renewed, and a failover has lost that write.
	s.Sessions.AwaitSettled(ctx)
	have, err := s.Sessions.Reload(ctx, token)
	due := err == nil && s.due(have, s.Now().Sub(have.LastAnswer()))
	if err != nil || !due && !why.token {
		return have, err
	}
	who, err := have.Record()
	if err != nil {
		return nil, err
	}
	tokens, err := s.Sessions.Tokens(who, token)
	if err != nil {
		return nil, err
	}
	if !due && tokens.Access != "" && s.Now().Before(tokens.AccessDue()) {
		return have, nil
	}
	unanswered, err := s.refreshing.NoteAttempt(ctx, who, s.Now().Add(s.Config.Recheck+recheckOutage+time.Hour))
	if err != nil {
		return nil, err
	}
	a, err := p.Refresh(ctx, who, tokens)
	var refused *grant.Error
	errors.As(err, &refused)
	if oidc.Spared(err) || saidNo(refused) && !unanswered {
		s.refreshing.AttemptAnswered(context.WithoutCancel(ctx), who)
	}
	switch {
	case err == nil:
		return s.takeRenewal(ctx, p, who, token, a)
	case errors.Is(err, oidc.ErrOtherUser):
		s.renewed(p, RenewalEnded)
		return s.endRenewed(ctx, who, token, signinlog.Record{Code: signinlog.ProviderFailed, Detail: err.Error()})
	case refused != nil && (refused.Kind == grant.Over || refused.Kind == grant.Doubtful):
		return s.refusedRenewal(ctx, p, who, token, refused, unanswered)
	}
	s.failedRenewal(p, who, refused, err, why)
	return nil, err
}

// saidNo reports whether the token endpoint has refused explicitly: then it has not used the token up.
func saidNo(e *grant.Error) bool {
	return e != nil && e.Word != "" && e.Kind != grant.Down
}

// takeRenewal writes the provider's answer. It keeps trying while the store is unavailable, because the old refresh
// token may be invalid now, and losing the new one would end the session.
func (s *Renewer) takeRenewal(ctx context.Context, p *oidc.Provider, who *session.Record, token session.Token, a *oidc.Refreshed) (*session.Session, error) {
	fresh, err := s.Sessions.Renew(ctx, who, token, a.Draft, a.Tokens)
	for errors.Is(err, session.ErrUnavailable) && retry.Sleep(ctx, renewRetry) {
		fresh, err = s.Sessions.Renew(ctx, who, token, a.Draft, a.Tokens)
	}
	if err == nil || access.Over(err) {
		s.refreshing.AttemptAnswered(context.WithoutCancel(ctx), who)
	}
	switch {
	case access.Over(err):
		s.renewed(p, RenewalEnded)
	case err != nil:
		s.failedRenewal(p, who, nil, err, need{})
	case a.Unused != nil:
		// The claims and their age do not change.
		wait := cmp.Or(s.Config.Recheck, recheckPause)
		if s.tooOld(s.Now().Sub(who.LastAnswer()), false) != nil {
			wait = recheckPause // the user waits for it
		}
		if p.KeepsAccess() { // its access token is due before that
			wait = min(wait, tokenPause)
		}
		s.backoffs.add(who.ID, s.Now(), wait, oidc.IsDown(a.Unused))
		p.NoteFailure(a.Unused)
		s.renewed(p, RenewalKept)
		s.Logger.Warn("refresh token taken, but what the provider says with it cannot be used; the claims of the session stay as they are",
			zap.String("provider", p.Name), zap.String("session", who.ID.Short()), zap.Error(oidc.Truncated(a.Unused)))
	default:
		s.backoffs.forget(who.ID)
		if p.KeepsAccess() && a.Tokens.Access == "" {
			s.backoffs.add(who.ID, s.Now(), tokenPause, false) // the next answer would have none either
		}
		if !a.Confirmed {
			s.renewed(p, RenewalRenewed)
			break
		}
		s.renewed(p, RenewalConfirmed)
		p.WarnWithoutGroups()
	}
	if err != nil {
		return nil, err
	}
	return fresh.Session(), nil
}

// refusedRenewal handles a refresh token that the provider refuses.
func (s *Renewer) refusedRenewal(ctx context.Context, p *oidc.Provider, who *session.Record, token session.Token, refused *grant.Error, unanswered bool) (*session.Session, error) {
	spelled := tooOldAtProvider(refused) || refused.Challenge != ""
	young := s.tooOld(s.Now().Sub(who.LastAnswer()), true) == nil
	if unanswered && !spelled && young {
		return s.doubtRefusal(ctx, p, who, token, refused, doubtPause,
			"refresh token refused that may have been used before an interruption, the session goes on for now")
	}
	if refused.Kind == grant.Doubtful && young {
		again, err := s.refreshing.NoteRefusal(ctx, who, s.Now().Add(s.Config.Recheck+recheckOutage+time.Hour))
		if err != nil {
			return nil, err
		}
		if !again {
			return s.doubtRefusal(ctx, p, who, token, refused, cmp.Or(min(s.Config.Recheck, doubtPause), recheckPause),
				"refresh token refused in words that are not final, the session goes on until the next try")
		}
	}
	s.Logger.Info("refresh token refused, the session ends", zap.String("provider", p.Name),
		zap.String("session", who.ID.Short()), zap.Error(refused), zap.String("provider_says", refused.Says))
	s.renewed(p, RenewalEnded)
	if refused.Challenge != "" {
		s.keepChallenge(ctx, who.ID, refused.Challenge)
	}
	return s.endRenewed(ctx, who, token, endedByGrant(refused))
}

// doubtRefusal lets a session continue although the provider refuses its refresh token, if the refusal is not final.
//
// The provider may have used the token before: the process that sent it then died before the answer came, and the new
// token is lost (RFC 9700, section 4.14.2, requires single use). This counts as an outage, and after a day the session
// ends. Or the error can have other causes; then a second refusal ends the session.
func (s *Renewer) doubtRefusal(ctx context.Context, p *oidc.Provider, who *session.Record, token session.Token, refused *grant.Error, wait time.Duration, message string) (*session.Session, error) {
	if now, err := s.Sessions.Reload(ctx, token); err != nil || now.LastAnswer().After(who.LastAnswer()) {
		return now, err
	}
	s.backoffs.add(who.ID, s.Now(), wait, false)
	s.renewed(p, RenewalDoubted)
	s.Logger.Warn(message, zap.String("provider", p.Name), zap.String("session", who.ID.Short()), zap.Error(refused),
		zap.String("provider_says", refused.Says))
	return nil, refused
}

// endRenewed ends a session, unless another replica has used its refresh token successfully meanwhile.
func (s *Renewer) endRenewed(ctx context.Context, who *session.Record, token session.Token, rec signinlog.Record) (*session.Session, error) {
	if now, err := s.Sessions.Reload(ctx, token); err != nil || now.LastAnswer().After(who.LastAnswer()) {
		return now, err
	}
	if s.Sessions.Unsettled() {
		// A replica that renewed just before a failover may be about to repeat its lost write.
		retry.Sleep(ctx, refusedPause)
		if now, err := s.Sessions.Reload(ctx, token); err != nil || now.LastAnswer().After(who.LastAnswer()) {
			return now, err
		}
	}
	if err := s.Sessions.End(ctx, who); err != nil {
		return nil, err
	}
	rec = access.EntryOf(who, rec)
	rec.Created, rec.IP, rec.UserAgent, rec.Interactive = s.Now(), who.FirstIP, who.FirstAgent, false
	if len(who.Apps) > 0 {
		rec.App = who.Apps[0]
	}
	s.Write(rec)
	return nil, session.ErrNotFound
}

// failedRenewal handles an error that says nothing about the grant. Other sessions wait only if no connection was
// possible, or the provider has requested a pause, because the error may concern only this session.
func (s *Renewer) failedRenewal(p *oidc.Provider, who *session.Record, refused *grant.Error, err error, why need) {
	now := s.Now()
	down := oidc.IsDown(err) || refused != nil && refused.Kind == grant.Client
	s.backoffs.failed(who.ID, now, down, why.token && why.urgent || s.tooOld(now.Sub(who.LastAnswer()), down) != nil)
	if oidc.Unreachable(err) {
		s.renewals[p.Name].after.Store(now.Add(recheckPause).UnixMilli())
	}
	p.NoteFailure(err)
	if down {
		s.renewed(p, RenewalOutage)
		if !s.renewals[p.Name].complained.Now(now, complainEvery) {
			return
		}
	} else {
		s.renewed(p, RenewalFailed)
	}
	fields := []zap.Field{zap.String("provider", p.Name), zap.String("session", who.ID.Short()), zap.Error(oidc.Truncated(err))}
	if refused != nil && refused.Says != "" {
		fields = append(fields, zap.String("provider_says", refused.Says))
	}
	s.Logger.Warn("claims of a session not renewed, will retry", fields...)
}

// renewed counts the result of a renewal.
func (s *Renewer) renewed(p *oidc.Provider, result string) {
	if s.OnRenewal != nil {
		s.OnRenewal(p.Name, result)
	}
}

// challengeLife is how long the challenge of a session that a renewal has ended is kept for the next sign-in.
const challengeLife = time.Hour

// keepChallenge stores a challenge for the sign-in that follows the end of a session. If that fails, the provider sends
// the challenge again when the next code is redeemed, and it is answered then.
func (s *Renewer) keepChallenge(ctx context.Context, id session.ID, challenge string) {
	if err := s.Pending.KeepChallenge(ctx, id, challenge, s.Now().Add(challengeLife)); err != nil {
		s.Logger.Warn("claims challenge not kept", zap.String("session", id.Short()), zap.Error(err))
	}
}
