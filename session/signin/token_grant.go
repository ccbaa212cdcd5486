package signin

import (
	"errors"
	"net/http"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// A user who makes a token for a program is sent to the provider and back once, without a page there (prompt=none), for a
// grant of the tokens' own: a refresh token has one holder. If the provider gives none, the tokens go by what the user's
// browsers bring.

// GrantForTokens sends the browser to the provider and back to a page, and reports whether it did.
func (s *starter) GrantForTokens(w http.ResponseWriter, r *http.Request, v *access.Visit, who *session.Record, token session.Token, back string) bool {
	p := s.ByName[who.Provider]
	if p == nil || !who.Renewable {
		return false
	}
	tokens, err := s.Sessions.Tokens(who, token)
	if err != nil {
		s.Logger.Warn("tokens of a session not available", zap.String("session", who.ID.Short()), zap.Error(err))
	}
	f := s.newFlow(v, p, back)
	f.Silent, f.Tokens, f.Consent, f.tokenHint = true, true, false, oidc.JoinIDToken(who.Claims, tokens)
	s.begin(w, r, v, f, beginning{})
	return true
}

// finishGrant handles its return. Whatever comes back, the user goes on to the page.
func finishGrant(s *finisher, w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, p *oidc.Provider, a *oidc.Answer, err error) {
	defer browser.Redirect(w, f.Return)
	live, _, lost := s.Record(r, v)
	if lost != nil {
		return // the page begins a sign-in
	}
	if err == nil && a.Draft.Identity != live.Identity {
		err = errors.New("another user is signed in there")
	} else if err == nil && a.Tokens.Refresh == "" {
		err = errors.New("no refresh token")
	}
	if err != nil {
		s.Logger.Info("provider gives no grant for the tokens of a user's programs: they go by the user's browsers",
			zap.String("provider", p.Name), zap.String("session", live.ID.Short()), zap.Error(oidc.Truncated(err)))
		return
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	draft := a.Draft
	draft.Kind, draft.KindReason, draft.FirstIP = session.Persistent, session.ForTokens, v.IP.String()
	draft.Began = f.started() // what ends all sessions meanwhile ends this one too
	if s.Prompt.Off {
		draft.Kind = session.Browser
	}
	made, token, err := s.Sessions.Create(ctx, draft, a.Tokens)
	if err == nil {
		if err = s.Environment.Tokens.KeepGrant(ctx, made, token); err != nil {
			_ = s.Sessions.End(ctx, made) // it has no holder
		}
	}
	if err != nil {
		s.Logger.Warn("grant for the tokens of a user's programs not kept", zap.String("session", live.ID.Short()), zap.Error(err))
	}
}
