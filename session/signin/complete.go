package signin

import (
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/pending"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// ending is what ends with a sign-in.
type ending struct {
	// also are further listings of the session.
	also []session.Listing
	// answered is the pending sign-in that was answered; nil if the user was not asked. gone answers if another answer
	// came first.
	answered *pending.Answered
	gone     func(error)
	// done sets what the browser is told of the answer.
	done func()
}

// signInDone writes the session with its listings, and sends the browser to the requested page. Nothing is set in the
// answer before it is known that no other answer came first.
func (s *finisher) signInDone(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, draft session.Record, tokens session.Tokens, rec signinlog.Record, e ending) {
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	draft.Apps = []string{v.Site.App}
	with := session.Together{Also: e.also}
	if e.answered != nil {
		with = e.answered.Session
	}
	var entry signinlog.Record
	if log, ok := s.Log.(signinlog.Preparer); ok {
		with.Append = func(made *session.Record) *session.Appended {
			entry = s.Complete(s.entry(v, r, f, access.EntryOf(made, rec)))
			return log.Prepare(&entry)
		}
	}
	created, err := s.Create(ctx, w, v, draft, tokens, f.For != nil && f.For.Keep, with)
	if e.answered != nil {
		if errors.Is(err, session.ErrNotFound) {
			e.gone(err)
			return
		}
		if !errors.Is(err, session.ErrUnavailable) && !errors.Is(err, session.ErrClosed) {
			e.answered.Done()
			e.done()
		}
	}
	if errors.Is(err, session.ErrRevoked) {
		s.revokedMeanwhile(w, r, v, f, &draft, rec, err)
		return
	}
	if err != nil {
		s.unwritten(w, r, v, f, &draft, rec, err)
		return
	}
	made, token := created.Record, created.Token
	switch {
	case created.Appended:
		s.Log.Write(entry.Stored())
	case entry.ID != "":
		s.Log.Write(entry)
	default:
		s.logPerson(v, r, f, made, rec)
	}
	s.TellSignIn(v, made)
	s.rememberProvider(w, v, made.Provider)
	s.binder.Offer(w, v, made, token, false)
	s.leave(w, r, v, f, token)
}

// leave sends a user who has signed in to the requested page.
func (s *finisher) leave(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, token session.Token) {
	if f.For != nil && f.For.Later != "" {
		s.GoOn(w, r, f.For.Later)
		return
	}
	if f.For != nil {
		s.handOver(w, r, v, f.For, token, passed{Fresh: true})
		return
	}
	s.GoOn(w, r, f.Return)
}

// unwritten ends a sign-in that could not be written to the store.
func (s *finisher) unwritten(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, draft *session.Record, rec signinlog.Record, err error) {
	rec.Code = signinlog.StoreUnavailable
	s.logPerson(v, r, f, draft, rec)
	page := s.StoreProblem(v, err)
	page.Code = int(rec.Code)
	s.Problem(w, r, v, page)
}

// goesOn ends a sign-in on behalf of a site if the user has meanwhile signed in in another tab: that session is handed
// to this site too, and the user is not asked twice. It returns false if there is no session of this user.
func (s *finisher) goesOn(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, draft *session.Record, tokens session.Tokens, rec signinlog.Record, says prompt.Persistence) bool {
	live, token, err := s.Record(r, v)
	switch {
	case err != nil && !access.NoSession(err):
		s.StoreDown(w, r, v, err)
		return true
	case err != nil || live.Identity != draft.Identity || live.ID.Short() == f.For.Have || !s.Takes(v.Site, live):
		return false
	case f.For.Tighten != "" || s.TightenReason(v.Site, live.Kind, says) != "":
		return false
	}
	if p := s.ProviderOf(live); p != nil && p.Revokes() && tokens.Refresh != "" {
		s.Background(s.Revocation(p, live, tokens.Refresh))
	}
	rec.PromptReason = prompt.ReasonLiveSession
	s.logPerson(v, r, f, live, rec)
	s.handOver(w, r, v, f.For, token, passed{Fresh: true})
	return true
}

// revokedMeanwhile answers a user whose sessions were ended while they signed in. They may sign in again; the sign-in
// that they had begun is over. why may say that the provider had them ended.
func (s *finisher) revokedMeanwhile(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, who *session.Record, rec signinlog.Record, why error) {
	rec.Code, rec.Detail = signinlog.GrantRevoked, "sessions were ended while the person signed in"
	s.logPerson(v, r, f, who, rec)
	page := pages.Problem{Kind: pages.KindEnded, Code: int(signinlog.GrantRevoked), ActionURL: access.SignInURL(f.Return), HomeURL: browser.Home}
	var revoked *session.Revoked
	if errors.As(why, &revoked) {
		page.Kind, page.Why = pages.KindEndedByProvider, pages.Why(revoked.Why)
	}
	s.Problem(w, r, v, page)
}

// full answers if too many sign-ins wait for their answer. The user is signed in at the provider, so the next attempt
// takes one click.
func (s *finisher) full(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow) {
	if s.Quiet(&s.crowded) {
		s.Logger.Error("too many sign-ins wait for an answer to \"Stay signed in?\", more are refused", zap.String("app", v.Site.App))
	}
	s.Problem(w, r, v, pages.Problem{
		Kind: pages.KindTooMany, Code: int(signinlog.StoreUnavailable), Status: http.StatusServiceUnavailable, RetryAfter: access.RetryAfter, ActionURL: access.SignInURL(f.Return),
	})
}

// stepOf returns the session that a step-up continues; nil if the flow is not a step-up, or there is no session of this
// user.
func (s *finisher) stepOf(r *http.Request, v *access.Visit, f *flow, draft *session.Record) (*session.Record, session.Token, error) {
	if !f.Step && (f.For == nil || f.Demand == nil) {
		return nil, session.Token{}, nil
	}
	live, token, err := s.Record(r, v)
	switch {
	case err == nil && live.Identity == draft.Identity:
		return live, token, nil
	case err == nil || access.NoSession(err):
		return nil, session.Token{}, nil
	}
	return nil, session.Token{}, err
}

// unseen returns for how long the user of a step-up had not used the session or, if shorter, had not authenticated. An
// answer from the provider's own session does not prove that the user is present.
func (s *finisher) unseen(live, draft *session.Record) time.Duration {
	now := s.Now()
	idle := now.Sub(live.LastUsed)
	if !draft.AuthTime.IsZero() {
		idle = min(idle, now.Sub(draft.AuthTime))
	}
	return max(idle, 0)
}

// steppedUp ends a step-up: the session continues under a new ID, with its persistence (X21, X23, row 1). It returns
// false if the session has ended meanwhile; the sign-in is then a normal one.
func (s *finisher) steppedUp(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, live *session.Record, have session.Token, draft session.Record, tokens session.Tokens, rec signinlog.Record, says prompt.Persistence) bool {
	decision := prompt.Decide(prompt.Facts{Live: &live.Kind, Persistence: says})
	draft.Kind, draft.KindReason = decision.Kind, live.KindReason
	if decision.Kind != live.Kind {
		draft.KindReason = decision.Reason
	}
	draft.FirstIP, draft.FirstAgent, draft.Apps = live.FirstIP, live.FirstAgent, live.Apps
	draft.SteppedUp, draft.StepUps = s.Now(), 1
	if s.Now().Sub(live.SteppedUp) < loopWindow {
		draft.StepUps = live.StepUps + 1
	}
	rec.PromptReason = decision.Reason
	tokens = s.keepRefresh(live, have, &draft, tokens)
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	made, token, err := s.Sessions.Succeed(ctx, live, draft, tokens)
	if errors.Is(err, session.ErrRevoked) {
		s.revokedMeanwhile(w, r, v, f, &draft, rec, err)
		return true
	}
	if access.Over(err) {
		return false
	}
	if err != nil {
		s.unwritten(w, r, v, f, &draft, rec, err)
		return true
	}
	s.GiveCookie(w, v, made, token)
	s.binder.Offer(w, v, made, token, false)
	s.logPerson(v, r, f, made, rec)
	s.TellSignIn(v, made)
	s.leave(w, r, v, f, token)
	return true
}

// keepRefresh returns the tokens of a step-up, with the session's previous refresh token if the answer has none: many
// providers issue one only with a consent page. It belongs to the same user at the same provider. So the session is
// still rechecked, and ends if the account is disabled; without the token the account could stay signed in until the
// max lifetime. A refresh never changes auth_time, acr or amr of a session, so statements about the older sign-in do no
// harm.
func (s *finisher) keepRefresh(live *session.Record, have session.Token, draft *session.Record, tokens session.Tokens) session.Tokens {
	if tokens.Refresh != "" || !live.Renewable || live.Provider != draft.Provider {
		return tokens
	}
	old, err := s.Sessions.Tokens(live, have)
	if err != nil {
		s.Logger.Warn("tokens of a session not available", zap.String("session", live.ID.Short()), zap.Error(err))
		return tokens
	}
	tokens.Refresh = old.Refresh
	return tokens
}
