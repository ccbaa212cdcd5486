package signin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// The pending cookie holds the token of the pending sign-in and where it goes on, so that an answer that comes too late
// still leads to the right page.
func (s *Service) givePending(w http.ResponseWriter, v *Visit, token session.Token, ret string) {
	plain := append(append(token.ID[:len(token.ID):len(token.ID)], token.Secret[:]...), ret...)
	sealed := s.Keys.Seal(session.PurposePending, plain, v.Host, cookiePending)
	setCookie(w, v, cookiePending, base64.RawURLEncoding.EncodeToString(sealed), 0)
}

// pendingToken opens the pending cookie. ok is false if there is none of ours.
func (s *Service) pendingToken(v *Visit) (token session.Token, ret string, ok bool) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(v.Cookies.pending)
	if err != nil || v.Cookies.pending == "" {
		return token, Home, false
	}
	plain, err := s.Keys.Open(session.PurposePending, sealed, v.Host, cookiePending)
	if err != nil || len(plain) < len(token.ID)+len(token.Secret) {
		return token, Home, false
	}
	n := copy(token.ID[:], plain)
	n += copy(token.Secret[:], plain[n:])
	return token, s.returnTarget(string(plain[n:])), true
}

// hasPending reports whether the request presents a sign-in that waits for its answer, so that a page opened meanwhile
// leads to the prompt and not to another sign-in.
func (s *Service) hasPending(r *http.Request, v *Visit) bool {
	token, _, ok := s.pendingToken(v)
	if !ok {
		return false
	}
	ctx, cancel := detach(r, storeTimeout)
	defer cancel()
	_, err := s.Sessions.Pending(ctx, token)
	return err == nil
}

// abandonPending ends what this browser left unanswered, and logs it: it cancels, or begins anew (A8).
func (s *Service) abandonPending(w http.ResponseWriter, r *http.Request, v *Visit) {
	token, _, ok := s.pendingToken(v)
	if !ok {
		return
	}
	ctx, cancel := detach(r, storeTimeout)
	defer cancel()
	p, _, err := s.Sessions.Claim(ctx, token)
	switch {
	case err == nil:
		s.logAbandoned(p)
	case !errors.Is(err, session.ErrNotFound):
		// Still there for whoever looks for abandoned ones.
		s.Logger.Warn("pending sign-in not ended", zap.Error(err))
		return
	}
	clearCookie(w, v, cookiePending)
}

const (
	watchShortest = 250 * time.Millisecond
	watchLongest  = 15 * time.Second
	// watchShare: abandoned prompts are looked for this often within the time after which they are abandoned.
	watchShare = 20
	watchBatch = 200
)

// watchAbandoned logs prompts that nobody answered in time. Every replica does so; the store hands each to one of them,
// after a restart as well (K17, A8).
func (s *Service) watchAbandoned(ctx context.Context) {
	every := min(max(s.Prompt.AbandonAfter/watchShare, watchShortest), watchLongest)
	failing := false
	for sleep(ctx, every) {
		look, cancel := context.WithTimeout(ctx, storeTimeout)
		found, err := s.Sessions.Abandoned(look, watchBatch)
		cancel()
		for _, p := range found {
			s.logAbandoned(p)
		}
		if err != nil && ctx.Err() == nil && !failing {
			s.Logger.Warn("abandoned prompts cannot be looked for, trying on", zap.Error(err))
		}
		failing = err != nil
	}
}

// logAbandoned writes the 50140 entry of one abandoned prompt (K17 to K21). Its policies did not apply to anything: an
// interrupted sign-in is logged as notApplied (L9).
func (s *Service) logAbandoned(p session.Pending) {
	var n note
	if err := json.Unmarshal(p.Note, &n); err != nil {
		s.Logger.Error("pending sign-in cannot be read", zap.Error(err))
		return
	}
	rec := person(&p.Draft, signinlog.Record{Code: signinlog.KeepMeSignedIn, PromptReason: ReasonAsked})
	rec.Created, rec.CorrelationID, rec.App = n.Flow.started(), n.Flow.Correlation, n.App
	rec.IP, rec.UserAgent = p.Draft.FirstIP, p.Draft.FirstAgent
	s.write(rec)
}
