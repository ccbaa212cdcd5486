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
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/pending"
	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

const (
	// promptIDSize is the length of the random ID of a prompt.
	promptIDSize = 16
	// promptMark precedes the prompt's ID in the pending cookie. In a cookie of an older release the page is there,
	// which begins with a slash or a scheme.
	promptMark = 0x01
)

// unanswered is the content of the pending cookie: the token of the pending sign-in, its page, and the ID of the
// prompt. A form is bound to that ID. The ID stays the same if another tab of this browser brings the same user to the
// prompt, so that an answer in any of these tabs counts.
type unanswered struct {
	token  session.Token
	prompt string
	page   string
}

// givePending sets the pending cookie.
func (s *prompts) givePending(w http.ResponseWriter, v *access.Visit, p unanswered) {
	plain := append(p.token.ID[:len(p.token.ID):len(p.token.ID)], p.token.Secret[:]...)
	if len(p.prompt) == promptIDSize {
		plain = append(append(plain, promptMark), p.prompt...)
	}
	plain = append(plain, p.page...)
	sealed := s.Keys.Seal(keyring.PurposePending, plain, v.Host, browser.PendingCookie)
	browser.SetCookie(w, v.Secure, browser.PendingCookie, base64.RawURLEncoding.EncodeToString(sealed), 0)
}

// pendingToken opens the pending cookie. ok is false if there is no valid one.
func (s *prompts) pendingToken(v *access.Visit) (p unanswered, ok bool) {
	p.page = browser.Home
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(v.Cookies.Pending)
	if err != nil || v.Cookies.Pending == "" {
		return p, false
	}
	plain, err := s.Keys.Open(keyring.PurposePending, sealed, v.Host, browser.PendingCookie)
	if err != nil || len(plain) < len(p.token.ID)+len(p.token.Secret) {
		return p, false
	}
	n := copy(p.token.ID[:], plain)
	n += copy(p.token.Secret[:], plain[n:])
	p.prompt = string(p.token.ID[:])
	if plain = plain[n:]; len(plain) > promptIDSize && plain[0] == promptMark {
		p.prompt, plain = string(plain[1:1+promptIDSize]), plain[1+promptIDSize:]
	}
	p.page = s.ReturnTarget(string(plain))
	return p, true
}

// hasPending reports whether the request has a sign-in that waits for its answer, so that a page that is opened
// meanwhile leads to the prompt and not to another sign-in.
func (s *prompts) hasPending(r *http.Request, v *access.Visit) bool {
	have, ok := s.pendingToken(v)
	if !ok {
		return false
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	_, err := s.Pending.SignIn(ctx, have.token)
	return err == nil
}

// abandonPending ends this browser's unanswered sign-in, and logs it: the user cancels, or begins again (A8).
func (s *prompts) abandonPending(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	have, ok := s.pendingToken(v)
	if !ok {
		return
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	p, err := s.Pending.Claim(ctx, have.token)
	switch {
	case err == nil:
		s.logAbandoned(p)
	case !errors.Is(err, session.ErrNotFound):
		// The search for abandoned prompts finds it later.
		s.Logger.Warn("pending sign-in not ended", zap.Error(err))
		return
	}
	browser.ClearCookie(w, v.Secure, browser.PendingCookie)
}

// overtake makes space for the prompt of a user. If this browser already has an unanswered one of the same user, in
// another tab, the new one replaces it and keeps its ID; the old one does not count as abandoned (K17). old is then
// what was removed from the store. An unanswered prompt of another user is abandoned.
func (s *prompts) overtake(w http.ResponseWriter, r *http.Request, v *access.Visit, who session.Identity) (prompt string, old *pending.SignIn) {
	prompt = session.NewRandom(promptIDSize * 3 / 4)
	have, ok := s.pendingToken(v)
	if !ok {
		return prompt, nil
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	p, err := s.Pending.Claim(ctx, have.token)
	switch {
	case err == nil && p.Draft.Identity == who:
		return have.prompt, &p
	case err == nil:
		s.logAbandoned(p)
	case !errors.Is(err, session.ErrNotFound):
		// The search for abandoned prompts finds it later.
		s.Logger.Warn("pending sign-in not ended", zap.Error(err))
	}
	return prompt, nil
}

const (
	watchShortest = 250 * time.Millisecond
	watchLongest  = 15 * time.Second
	// watchShare: this fraction of the time limit is the interval in which abandoned prompts are looked for.
	watchShare = 20
	watchBatch = 25
)

// watchAbandoned logs prompts without an answer in time. Every replica runs it; the store returns each prompt to one of
// them, also after a restart (K17, A8).
func (s *prompts) watchAbandoned(ctx context.Context) {
	every := min(max(s.Prompt.AbandonAfter/watchShare, watchShortest), watchLongest)
	failing := false
	for retry.Sleep(ctx, every) {
		look, cancel := context.WithTimeout(ctx, access.StoreTimeout)
		found, err := s.Pending.Abandoned(look, watchBatch)
		cancel()
		for _, p := range found {
			s.logAbandoned(p)
		}
		if err != nil && ctx.Err() == nil && !failing {
			s.Logger.Warn("abandoned prompts cannot be looked for, will retry", zap.Error(err))
		}
		failing = err != nil
	}
}

// logAbandoned writes the 50140 entry of an abandoned prompt (K17 to K21). Its policies had no effect: an interrupted
// sign-in is logged as notApplied (L9).
func (s *prompts) logAbandoned(p pending.SignIn) {
	n, err := noteOf(p)
	if err != nil {
		s.Logger.Error("pending sign-in cannot be read", zap.Error(err))
		return
	}
	rec := access.EntryOf(&p.Draft, signinlog.Record{Code: signinlog.KeepMeSignedIn, PromptReason: prompt.ReasonAsked})
	rec.Created, rec.CorrelationID, rec.App = n.Flow.started(), n.Flow.Correlation, n.App
	rec.IP, rec.UserAgent = p.Draft.FirstIP, p.Draft.FirstAgent
	s.Write(rec)
}

// logSurplus logs a user's prompts in too many browsers, which were abandoned for a new one, each once.
func (s *prompts) logSurplus(held pending.Held) {
	for _, p := range held.Surplus {
		s.logAbandoned(p)
	}
	if held.Unbounded != nil {
		// They are abandoned anyway at the end of their time.
		s.Logger.Warn("pending sign-ins of a person not bounded", zap.Error(held.Unbounded))
	}
}

// note is stored with the draft of a pending sign-in: what is needed to continue the flow, and to log it if it is
// abandoned.
type note struct {
	Flow     flow
	App      string
	Policies []signinlog.AppliedPolicy
	Status   string
}

// noteFor returns the note of a flow that waits for its answer. It says what its stored form will say, and shares nothing
// with the flow that is changed later.
func noteFor(f *flow, app string, rec signinlog.Record) note {
	n := note{Flow: *f, App: app, Policies: rec.Policies, Status: rec.PolicyStatus}
	n.Flow.State, n.Flow.Nonce, n.Flow.Verifier = "", "", ""
	n.Flow.proven, n.Flow.tokenHint = false, ""
	n.Flow.For = n.Flow.For.stored()
	return n
}

// noteOf returns the note of a pending sign-in. The caller may change it.
func noteOf(p pending.SignIn) (n note, err error) {
	if known, ok := p.Known.(note); ok {
		known.Flow.For = known.Flow.For.stored()
		return known, nil
	}
	err = json.Unmarshal(p.Note, &n)
	return n, err
}
