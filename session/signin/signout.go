package signin

import (
	"net/http"
	"net/url"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
)

const actionSignOut = "sign-out"

// signOut asks (GET), and signs out (POST).
func (s *Service) signOut(w http.ResponseWriter, r *http.Request, v *Visit) {
	have, token, err := s.Session(r, v)
	switch {
	case err == nil && r.Method == http.MethodPost:
		s.signOutPost(w, r, v, have, token)
	case err == nil:
		s.Pages.Write(w, r, http.StatusOK, pages.SignOut{
			UserName:   have.User,
			CSRF:       s.csrfToken(v, actionSignOut, string(token.ID[:])),
			Everywhere: true,
			BackURL:    Home,
		})
	case !NoSession(err):
		s.storeDown(w, r, v, err)
	default:
		// Nobody is signed in: there is nothing to ask, and a dead cookie need not stay.
		if Over(err) {
			clearCookie(w, v, cookieBase)
		}
		redirect(w, Base+"/signed-out")
	}
}

func (s *Service) signOutPost(w http.ResponseWriter, r *http.Request, v *Visit, have *session.Session, token session.Token) {
	form, ok := readForm(w, r, maxFormBody, "csrf", "everywhere")
	if !ok {
		s.problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, HomeURL: Home})
		return
	}
	if !s.checkPost(r, v, actionSignOut, string(token.ID[:]), form["csrf"]) {
		s.problem(w, r, v, pages.Problem{Kind: pages.KindStaleForm, ActionURL: Base + "/sign-out", HomeURL: Home})
		return
	}
	ctx, cancel := detach(r, storeTimeout)
	defer cancel()
	// The record dies before the cookie is cleared: what a thief has copied must be dead, too (A11, A22). If the
	// store cannot be asked, nobody is told that they are signed out.
	err := s.Sessions.End(ctx, have)
	if err == nil && form["everywhere"] == "1" {
		_, err = s.Sessions.EndAll(ctx, have.Identity)
	}
	if err != nil {
		s.storeDown(w, r, v, err)
		return
	}
	s.Logger.Info("signed out", zap.String("session", have.ID.Short()), zap.String("app", v.Site.App),
		zap.Bool("everywhere", form["everywhere"] == "1"))
	clearCookie(w, v, cookieBase)
	if v.Cookies.pending != "" {
		s.abandonPending(w, r, v)
	}
	s.leaveProvider(w, r, v, have, token)
}

// leaveProvider signs out at the provider (OpenID Connect RP-Initiated Logout 1.0), where it offers that.
func (s *Service) leaveProvider(w http.ResponseWriter, r *http.Request, v *Visit, have *session.Session, token session.Token) {
	p, m := s.providerOf(have)
	if m == nil || m.EndSessionEndpoint == "" {
		s.goOn(w, r, Base+"/signed-out")
		return
	}
	params := url.Values{
		"client_id":                {p.ClientID},
		"post_logout_redirect_uri": {v.Origin + Base + "/signed-out"},
	}
	if tokens, err := s.Sessions.Tokens(have, token); err != nil {
		s.Logger.Warn("id_token_hint not available", zap.String("session", have.ID.Short()), zap.Error(err))
	} else if hint := joinToken(have.Claims, tokens); hint != "" {
		params.Set("id_token_hint", hint)
	}
	target, err := endpointWith(m.EndSessionEndpoint, params)
	if err != nil {
		s.goOn(w, r, Base+"/signed-out")
		return
	}
	s.Pages.Write(w, r, http.StatusOK, pages.Continue{URL: target})
}

// providerOf returns the provider of a session and its metadata, nil if it is not configured or not known now. A
// session is not sent to a provider of another issuer, whatever the configuration calls it.
func (s *Service) providerOf(have *session.Session) (*Provider, *metadata) {
	p := s.byName[have.Provider]
	if p == nil || p.Issuer != have.Identity.Issuer {
		return nil, nil
	}
	return p, p.meta.Load()
}

// signedOut is the page after. It says so whoever asks: it knows nothing about anybody.
func (s *Service) signedOut(w http.ResponseWriter, r *http.Request, v *Visit) {
	s.Pages.Write(w, r, http.StatusOK, pages.SignedOut{SignInURL: signInURL(Home)})
}
