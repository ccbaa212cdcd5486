package signin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/oauth2"

	"github.com/latchkey-gateway/latchkey/session"
)

const (
	// recheckOutage is how much longer than Recheck claims are good for while the provider cannot be reached (D4).
	recheckOutage = 24 * time.Hour
	// recheckPause is how long nobody asks a provider anew that could not be reached just now, or for a session whose
	// renewal went wrong just now.
	recheckPause = 15 * time.Second
	// maxPauses bounds for how many sessions that is kept in mind.
	maxPauses = 4096
	// recheckWait is how long a request waits for another replica that renews the same session.
	recheckWait  = 5 * time.Second
	recheckLook  = 100 * time.Millisecond
	renewTimeout = 30 * time.Second
	// renewParting is how long a renewal under way may take when the configuration that began it is replaced: the token
	// that it has sent may be worth nothing any more, and the one that comes for it must not be lost.
	renewParting = 5 * time.Second
	// refusedPause is how long a refusal waits for another replica that may know better.
	refusedPause = 2 * time.Second
	// doubtPause is how long a refusal in doubt is not asked for again.
	doubtPause = 10 * time.Minute
	renewRetry = 250 * time.Millisecond
)

// errNothingLearned: the provider took the refresh token and says nothing about the person.
var errNothingLearned = errors.New("provider states no claims on refresh")

// finalRefusals are the errors that only a new sign-in can mend (RFC 6749, section 5.2; OpenID Connect Core, section
// 3.1.2.6, whose words some providers use here as well).
var finalRefusals = []string{"invalid_grant", "interaction_required", "login_required", "consent_required"}

// Recheck holds a session's claims and groups against their age. Claims older than Config.Recheck are asked for anew
// behind the request, those twice as old before it. A provider that refuses ends the session (session.ErrNotFound); one
// that cannot be reached does not, for a day (D1, D4). Without a refresh token claims stay as at sign-in.
func (s *Service) Recheck(r *http.Request, who *session.Live, token session.Token) (*session.Live, error) {
	if s.Config.Recheck <= 0 || !who.Renewable {
		return who, nil
	}
	age := s.Now().Sub(who.GroupsAsOf())
	if age < s.Config.Recheck {
		return who, nil
	}
	p := s.byName[who.Provider()]
	if p == nil || s.Now().UnixMilli() < p.renewAfter.Load() || s.paused.holds(who.ID, s.Now()) {
		return who, tooOld(age, s.Config.Recheck)
	}
	if age < 2*s.Config.Recheck {
		s.renewBehind(p, token)
		return who, nil
	}
	ctx, cancel := detach(r, renewTimeout)
	defer cancel()
	fresh, err := s.renew(ctx, p, token)
	if errors.Is(err, session.ErrConflict) {
		if fresh, err = s.awaitRenewal(ctx, who.GroupsAsOf(), token); errors.Is(err, session.ErrConflict) {
			// Whoever has the lease may have died with it: the requests that come next need not wait as well.
			s.paused.add(who.ID, s.Now())
		}
	}
	switch {
	case err == nil:
		return fresh.Live(), nil
	case Over(err):
		return nil, err
	}
	return who, tooOld(age, s.Config.Recheck)
}

// tooOld is errProviderDown for claims that are too old to go on with.
func tooOld(age, recheck time.Duration) error {
	if age < recheck+recheckOutage {
		return nil
	}
	return fmt.Errorf("%w, and claims are %s old", errProviderDown, age.Round(time.Minute))
}

// renewBehind renews a session while its request goes on.
func (s *Service) renewBehind(p *Provider, token session.Token) {
	if _, busy := s.renewing.LoadOrStore(token.ID, struct{}{}); busy {
		return
	}
	if !s.background(func(ctx context.Context) {
		defer s.renewing.Delete(token.ID)
		if ctx.Err() != nil {
			return
		}
		ctx, cancel := parting(ctx)
		defer cancel()
		_, _ = s.renew(ctx, p, token) // what went wrong is logged there, and the next request tries again
	}) {
		s.renewing.Delete(token.ID)
	}
}

// parting is a context for a renewal, which outlives the end of ctx by renewParting.
func parting(ctx context.Context) (context.Context, context.CancelFunc) {
	on, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewTimeout)
	stop := context.AfterFunc(ctx, func() {
		if sleep(on, renewParting) {
			cancel()
		}
	})
	return on, func() { stop(); cancel() }
}

// awaitRenewal takes the result of whoever renews the session now, which may be its end. ErrConflict if there is none
// after a while: no claims younger than those as of a time.
func (s *Service) awaitRenewal(ctx context.Context, asOf time.Time, token session.Token) (*session.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, recheckWait)
	defer cancel()
	for sleep(ctx, recheckLook) {
		now, err := s.Sessions.Reload(ctx, token)
		if Over(err) || err == nil && now.GroupsAsOf.After(asOf) {
			return now, err
		}
	}
	return nil, session.ErrConflict
}

// renew asks the provider with the session's refresh token. ErrConflict if another replica is at it, ErrNotFound if the
// provider refused and the session has therefore ended.
func (s *Service) renew(ctx context.Context, p *Provider, token session.Token) (*session.Session, error) {
	done, err := s.Sessions.LeaseRenewal(ctx, token.ID)
	if err != nil {
		return nil, err
	}
	defer done(context.WithoutCancel(ctx))
	// The lease may have come free because somebody has just renewed, and a failover have forgotten that.
	s.Sessions.AwaitSettled(ctx)
	who, err := s.Sessions.Reload(ctx, token)
	if err != nil || s.Now().Sub(who.GroupsAsOf) < s.Config.Recheck {
		return who, err
	}
	tokens, err := s.Sessions.Tokens(who, token)
	if err != nil {
		return nil, err
	}
	unanswered, err := s.Sessions.NoteAttempt(ctx, who, s.Now().Add(s.Config.Recheck+recheckOutage+time.Hour))
	if err != nil {
		return nil, err
	}
	a, err := p.refresh(ctx, who, tokens)
	p.noteFailure(err)
	var refused *oauthError
	if errors.As(err, &refused) && !unanswered || neverSent(err) {
		s.Sessions.AttemptAnswered(context.WithoutCancel(ctx), who)
	}
	switch {
	case err == nil:
		fresh, err := s.keepRenewal(ctx, who, token, a)
		if err == nil || Over(err) {
			s.Sessions.AttemptAnswered(context.WithoutCancel(ctx), who)
		}
		return fresh, err
	case errors.Is(err, errNothingLearned):
		tokens.Refresh = ""
		fresh := *who
		fresh.GroupsAsOf = who.GroupsAsOf.Add(time.Millisecond) // no younger than they are, and written all the same
		return s.Sessions.Renew(ctx, who, token, fresh, tokens)
	case refused != nil && slices.Contains(finalRefusals, refused.word):
		if unanswered && !refused.frequency && tooOld(s.Now().Sub(who.GroupsAsOf), s.Config.Recheck) == nil {
			return s.doubtRefusal(ctx, who, token, refused)
		}
		return s.refusedRenewal(ctx, who, token, refused)
	case refused != nil || errors.Is(err, errProviderDown) || errors.Is(err, context.DeadlineExceeded):
		p.renewAfter.Store(s.Now().Add(recheckPause).UnixMilli())
	default:
		// It may be this person's alone, and must not hold up anybody else.
		s.paused.add(who.ID, s.Now())
	}
	s.Logger.Warn("claims of a session not renewed, trying on", zap.String("provider", p.Name),
		zap.String("session", who.ID.Short()), zap.Error(truncated(err)))
	return nil, err
}

// keepRenewal writes what the provider gave. It tries on while the store is away: the old refresh token may be worth
// nothing any more, and losing the new one would end the session.
func (s *Service) keepRenewal(ctx context.Context, who *session.Session, token session.Token, a *answer) (*session.Session, error) {
	for {
		fresh, err := s.Sessions.Renew(ctx, who, token, a.draft, a.tokens)
		if !errors.Is(err, session.ErrUnavailable) || !sleep(ctx, renewRetry) {
			return fresh, err
		}
	}
}

// doubtRefusal lets a session go on whose refresh token the provider does not take, but may have taken before: the one
// who sent it then has not lived to hear the answer, and the token that came with it is lost (RFC 9700, section 4.14.2,
// has tokens work once). It counts as an outage, and after a day of it the session ends.
func (s *Service) doubtRefusal(ctx context.Context, who *session.Session, token session.Token, refused error) (*session.Session, error) {
	if now, err := s.Sessions.Reload(ctx, token); err != nil || now.GroupsAsOf.After(who.GroupsAsOf) {
		return now, err
	}
	s.paused.add(who.ID, s.Now().Add(doubtPause-recheckPause))
	s.Logger.Warn("refresh token refused that may have been used before an interruption, the session goes on for now",
		zap.String("provider", who.Provider), zap.String("session", who.ID.Short()), zap.Error(refused))
	return nil, errProviderDown
}

// neverSent reports whether a request has not left, because there was nobody to connect to.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// refusedRenewal ends a session whose refresh token the provider does not take, unless somebody else has used it in the
// meantime and won: then theirs is the session.
func (s *Service) refusedRenewal(ctx context.Context, who *session.Session, token session.Token, refused *oauthError) (*session.Session, error) {
	if now, err := s.Sessions.Reload(ctx, token); err != nil || now.GroupsAsOf.After(who.GroupsAsOf) {
		return now, err
	}
	if s.Sessions.Unsettled() {
		// Whoever has renewed just before a failover that forgot it is about to write it again.
		sleep(ctx, refusedPause)
		if now, err := s.Sessions.Reload(ctx, token); err != nil || now.GroupsAsOf.After(who.GroupsAsOf) {
			return now, err
		}
	}
	if err := s.Sessions.End(ctx, who); err != nil {
		return nil, err
	}
	rec := person(who, refused.ended())
	rec.Created, rec.IP, rec.UserAgent, rec.Interactive = s.Now(), who.FirstIP, who.FirstAgent, false
	if len(who.Apps) > 0 {
		rec.App = who.Apps[0]
	}
	s.write(rec)
	return nil, session.ErrNotFound
}

// refresh redeems a refresh token (OpenID Connect Core, section 12). What comes is verified like a first answer, and
// must be about the same person of the same issuer (A41).
func (p *Provider) refresh(ctx context.Context, who *session.Session, old session.Tokens) (*answer, error) {
	m := p.meta.Load()
	if m == nil {
		return nil, errProviderDown
	}
	conf, err := p.oauth(m, "")
	if err != nil {
		return nil, err
	}
	ctx = p.authContext(ctx, m)
	tok, err := conf.TokenSource(ctx, &oauth2.Token{RefreshToken: old.Refresh}).Token()
	if err != nil {
		return nil, tokenError(err)
	}
	if err := checkTokenType(tok); err != nil {
		return nil, err
	}
	a := &answer{
		draft:  session.Session{Identity: who.Identity, Claims: who.Claims},
		tokens: session.Tokens{Refresh: tok.RefreshToken, IDHeader: old.IDHeader, IDSignature: old.IDSignature},
	}
	var claims claimSet
	if raw, _ := tok.Extra("id_token").(string); raw != "" {
		verified, err := p.verifyIDToken(ctx, m, raw, nil, tok.AccessToken)
		if err != nil {
			return nil, err
		}
		if verified.subject != who.Identity.Subject || p.Issuer != who.Identity.Issuer {
			return nil, errors.New("refreshed id_token is about somebody else")
		}
		claims = claimSet{verified.claims}
		if err := p.keepToken(m, a, verified); err != nil {
			return nil, err
		}
	}
	if err := p.learn(ctx, m, a, claims, tok.AccessToken); err != nil {
		return nil, err
	}
	if len(claims) == 0 {
		// Userinfo alone counts if it holds what the configuration asks for: groups that only the first ID token had
		// would else be lost.
		if info, err := parseClaims(a.draft.UserInfo); err != nil || !p.Claims.complete(claimSet{info}) {
			return nil, errNothingLearned
		}
	}
	return a, nil
}

// pauses are the sessions whose renewal went wrong just now. The zero value is ready.
type pauses struct {
	mu    sync.Mutex
	until map[session.ID]time.Time
}

func (p *pauses) holds(id session.ID, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return now.Before(p.until[id])
}

// add begins a pause. Where too many are kept in mind it is left out: what is lost is a question too many.
func (p *pauses) add(id session.ID, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.until, func(_ session.ID, until time.Time) bool { return !now.Before(until) })
	if len(p.until) >= maxPauses {
		return
	}
	if p.until == nil {
		p.until = make(map[session.ID]time.Time)
	}
	p.until[id] = now.Add(recheckPause)
}
