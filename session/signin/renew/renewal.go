package renew

import (
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

// What comes of a renewal, for Config.OnRenewal and docs/renewal.md.
const (
	// RenewalRenewed: the provider stated the claims.
	RenewalRenewed = "renewed"
	// RenewalConfirmed: it took the refresh token and stated no groups; those of the first ID token stay.
	RenewalConfirmed = "confirmed"
	// RenewalKept: it took the refresh token, and what it said of the user cannot be used.
	RenewalKept = "kept"
	// RenewalEnded: the session has ended.
	RenewalEnded = "ended"
	// RenewalDoubted: it refused in a way that does not end the session at once.
	RenewalDoubted = "doubted"
	// RenewalOutage: the provider cannot answer, or does not accept this client.
	RenewalOutage = "outage"
	// RenewalFailed: anything else, which is taken for this session's alone.
	RenewalFailed = "failed"
)

const (
	// refusedPause is how long a refusal waits for another replica that may know better.
	refusedPause = 2 * time.Second
	// doubtPause is how long a refusal in doubt is not asked for again, at most.
	doubtPause = 10 * time.Minute
	renewRetry = 250 * time.Millisecond
	// complainEvery is how often the log tells that a provider cannot be reached for renewals.
	complainEvery = 15 * time.Second
)

// renew asks the provider with the session's refresh token. ErrConflict if another replica is at it, ErrNotFound if the
// session has ended.
func (s *Renewer) renew(ctx context.Context, p *oidc.Provider, token session.Token) (*session.Session, error) {
	done, err := s.refreshing.Lease(ctx, token.ID)
	if err != nil {
		return nil, err
	}
	defer done(context.WithoutCancel(ctx))
	// The lease may have come free because another replica has just renewed, and a failover have forgotten that.
	s.Sessions.AwaitSettled(ctx)
	have, err := s.Sessions.Reload(ctx, token)
	if err != nil || s.Now().Sub(have.LastAnswer()) < s.Config.Recheck {
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
	s.failedRenewal(p, who, refused, err)
	return nil, err
}

// saidNo reports whether the token endpoint has spelled out a refusal: it has not used the token up then.
func saidNo(e *grant.Error) bool {
	return e != nil && e.Word != "" && e.Kind != grant.Down
}

// takeRenewal writes what the provider gave. It does not give up while the store is away: the old refresh token may be
// worth nothing any more, and losing the new one would end the session.
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
		s.failedRenewal(p, who, nil, err)
	case a.Unused != nil:
		// The claims stay as they are, and the age that they have.
		wait := s.Config.Recheck
		if s.tooOld(s.Now().Sub(who.LastAnswer()), false) != nil {
			wait = recheckPause // the user waits for it
		}
		s.backoffs.add(who.ID, s.Now(), wait, oidc.IsDown(a.Unused))
		p.NoteFailure(a.Unused)
		s.renewed(p, RenewalKept)
		s.Logger.Warn("refresh token taken, but what the provider says with it cannot be used; the claims of the session stay as they are",
			zap.String("provider", p.Name), zap.String("session", who.ID.Short()), zap.Error(oidc.Truncated(a.Unused)))
	default:
		s.backoffs.forget(who.ID)
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

// refusedRenewal is for a refresh token that the provider does not take.
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
			return s.doubtRefusal(ctx, p, who, token, refused, min(s.Config.Recheck, doubtPause),
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

// doubtRefusal lets a session go on whose refresh token the provider does not take, where that is not the last word.
//
// It may have taken the token before: the process that sent it then ended before the answer came, and the token that
// came with it is lost (RFC 9700, section 4.14.2, has tokens work once). It counts as an outage, and after a day of it the
// session ends. Or it says so in words that other things may be the reason of: then a second refusal ends it.
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

// endRenewed ends a session, unless another replica has renewed it in the meantime: then it goes on with those claims.
func (s *Renewer) endRenewed(ctx context.Context, who *session.Record, token session.Token, rec signinlog.Record) (*session.Session, error) {
	if now, err := s.Sessions.Reload(ctx, token); err != nil || now.LastAnswer().After(who.LastAnswer()) {
		return now, err
	}
	if s.Sessions.Unsettled() {
		// A replica that has renewed just before a failover that forgot it is about to write it again.
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

// failedRenewal is for what says nothing about the grant. Other sessions wait only where the provider could not be
// connected to, or has asked for a pause: any other failure may be of this session alone.
func (s *Renewer) failedRenewal(p *oidc.Provider, who *session.Record, refused *grant.Error, err error) {
	now := s.Now()
	down := oidc.IsDown(err) || refused != nil && refused.Kind == grant.Client
	s.backoffs.failed(who.ID, now, down, s.tooOld(now.Sub(who.LastAnswer()), down) != nil)
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

// renewed counts what came of a renewal.
func (s *Renewer) renewed(p *oidc.Provider, result string) {
	if s.OnRenewal != nil {
		s.OnRenewal(p.Name, result)
	}
}

// challengeLife is how long the challenge of a session that a renewal has ended waits for the user to sign in again.
const challengeLife = time.Hour

// keepChallenge keeps a challenge for the sign-in that follows the end of a session. Where that fails the next redemption
// meets the challenge, and answers it.
func (s *Renewer) keepChallenge(ctx context.Context, id session.ID, challenge string) {
	if err := s.Pending.KeepChallenge(ctx, id, challenge, s.Now().Add(challengeLife)); err != nil {
		s.Logger.Warn("claims challenge not kept", zap.String("session", id.Short()), zap.Error(err))
	}
}
