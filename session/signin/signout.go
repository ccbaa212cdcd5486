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
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/leave"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

const actionSignOut = "sign-out"

// signOut asks for confirmation (GET), and signs out (POST). A bound session is signed out without its device.
func (s *signOutEndpoints) signOut(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	have, token, err := s.HandleRecord(r, v)
	switch {
	case err == nil && r.Method == http.MethodPost:
		s.signOutPost(w, r, v, have, token)
	case err == nil:
		s.askToSignOut(w, r, v, have, token)
	case !access.NoSession(err):
		s.StoreDown(w, r, v, err)
	default:
		// No user is signed in: there is nothing to ask, and the useless cookie is cleared.
		if access.Over(err) {
			s.EndCookie(w, v)
		}
		browser.Redirect(w, browser.Base+"/signed-out")
	}
}

func (s *signOutEndpoints) askToSignOut(w http.ResponseWriter, r *http.Request, v *access.Visit, have *session.Record, token session.Token) {
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	held, err := s.HeldTokens(ctx, have.Identity)
	if err != nil {
		s.StoreDown(w, r, v, err)
		return
	}
	s.Pages.Write(w, r, http.StatusOK, pages.SignOut{
		UserName:   have.User,
		CSRF:       browser.FormToken(s.Keys, v.Host, actionSignOut, string(token.ID[:])),
		Everywhere: true,
		HeldTokens: len(held),
		BackURL:    browser.Home,
	})
}

func (s *signOutEndpoints) signOutPost(w http.ResponseWriter, r *http.Request, v *access.Visit, have *session.Record, token session.Token) {
	form, ok := browser.ReadForm(w, r, browser.MaxForm, "csrf", "everywhere", "tokens")
	if !ok {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest, HomeURL: browser.Home})
		return
	}
	if !browser.CheckPost(r, s.Keys, v.Origin, v.Host, actionSignOut, string(token.ID[:]), form["csrf"]) {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindStaleForm, ActionURL: browser.Base + "/sign-out", HomeURL: browser.Home})
		return
	}
	everywhere := form["everywhere"] == "1"
	if s.EndHere(w, r, v, have, access.AlsoEnds{Sessions: everywhere, Tokens: everywhere && form["tokens"] == "1"}) {
		s.LeaveProvider(w, r, v, have, token)
	}
}

// EndHere ends the session of this browser and what else is said. It returns false if that failed; the request is then
// answered.
func (s *signOutEndpoints) EndHere(w http.ResponseWriter, r *http.Request, v *access.Visit, have *session.Record, also access.AlsoEnds) bool {
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	// The record is deleted before the cookie is cleared, so that a copied cookie becomes useless too (A11, A22). If
	// the store cannot be reached, the user is not told that they are signed out.
	err := s.Sessions.End(ctx, have)
	others := 0
	if err == nil && also.Sessions {
		others, err = s.Sessions.EndAll(ctx, have.Identity)
	}
	if err == nil && also.Tokens {
		err = s.endTokens(ctx, v, have)
	}
	if err != nil {
		s.StoreDown(w, r, v, err)
		return false
	}
	s.Logger.Info("signed out", zap.String("session", have.ID.Short()), zap.String("app", v.Site.App),
		zap.Bool("everywhere", also.Sessions), zap.Int("others", others))
	data := access.EventData(have)
	data["by"], data["app"], data["everywhere"], data["others"] = access.ByPerson, v.Site.App, also.Sessions, others
	s.Tell(access.EventSignOut, data)
	s.EndCookie(w, v)
	s.ClearSiteData(w, v, true)
	if v.Cookies.Pending != "" {
		s.abandonPending(w, r, v)
	}
	return true
}

// endTokens ends all tokens of a user, after the sessions: a token that is being made reads its session again once it is
// written.
func (s *signOutEndpoints) endTokens(ctx context.Context, v *access.Visit, have *session.Record) error {
	ended, err := s.Tokens.EndWithUser(ctx, have.Identity)
	if err != nil {
		return err
	}
	for _, one := range ended {
		s.TellToken(access.EventTokenRevoked, have, one.Token)
	}
	s.Logger.Info("person revoked all tokens", zap.String("session", have.ID.Short()), zap.String("app", v.Site.App), zap.Int("tokens", len(ended)))
	return nil
}

// LeaveProvider signs out at the provider, if it offers that.
func (s *signOutEndpoints) LeaveProvider(w http.ResponseWriter, r *http.Request, v *access.Visit, have *session.Record, token session.Token) {
	target := s.LeaveURL(v, have, token)
	if target == "" {
		s.GoOn(w, r, browser.Base+"/signed-out")
		return
	}
	s.Pages.Write(w, r, http.StatusOK, pages.Continue{URL: target})
}

// LeaveURL revokes the refresh token, and returns the URL at which the provider signs users out (OpenID Connect
// RP-Initiated Logout 1.0); empty if it does not offer that.
func (s *signOutEndpoints) LeaveURL(v *access.Visit, have *session.Record, token session.Token) string {
	p := s.ProviderOf(have)
	if p == nil {
		return ""
	}
	tokens, err := s.Sessions.Tokens(have, token)
	if err != nil {
		s.Logger.Warn("tokens of a session not available", zap.String("session", have.ID.Short()), zap.Error(err))
	}
	if tokens.Refresh != "" && p.Revokes() {
		s.Background(s.Revocation(p, have, tokens.Refresh))
	}
	target, err := p.LogoutURL(leave.Request{
		ClientID: p.ClientID, ReturnTo: s.signedOutOrigin(v) + browser.Base + "/signed-out", State: s.leaveState(v, have),
		IDToken: oidc.JoinIDToken(have.Claims, tokens), Hint: logoutHint(have),
	})
	if err != nil {
		s.Logger.Warn("sign-out at the provider left out", zap.String("provider", p.Name), zap.Error(err))
	}
	return target
}

// maxLogoutHint is the longest hint that names a user. Entra's login_hint is the longest known one.
const maxLogoutHint = 512

// logoutHint names the user for a sign-out without an ID token: by Entra's claim for it, else by name.
func logoutHint(have *session.Record) string {
	for _, name := range []string{"login_hint", "preferred_username", "email", ""} {
		hint := have.Identity.Subject
		if name != "" {
			hint, _ = oidc.ClaimValue(have, name)
		}
		if hint != "" && len(hint) <= maxLogoutHint {
			return hint
		}
	}
	return ""
}

// left is the state parameter of a sign-out at the provider.
type left struct {
	Session, Provider string
	// Origin is the site that the user has left; empty if it is the one to which they return.
	Origin string `json:",omitempty"`
	// At is when the user was sent to the provider, in Unix milliseconds.
	At int64
}

const (
	leftPlace = "signed-out"
	leftLife  = time.Hour
)

// leaveState returns the state parameter of a sign-out at the provider, sealed for the host to which users return.
func (s *signOutEndpoints) leaveState(v *access.Visit, have *session.Record) string {
	l, host := left{Session: have.ID.Short(), Provider: have.Provider, At: s.Now().UnixMilli()}, v.Host
	if s.HandsOver(v) {
		l.Origin, host = v.Origin, s.SignInHostname
	}
	plain, err := json.Marshal(l)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(s.Keys.Seal(keyring.PurposeFlow, plain, host, leftPlace))
}

// signedOut is the page after sign-out. It shows the same to every client. A returned state proves that the provider
// has sent the user back, which is logged; a forged one changes nothing.
func (s *signOutEndpoints) signedOut(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	s.leaveNothing(w, r, v)
	from := ""
	if q, ok := browser.SingleValues(r.URL.RawQuery, "state"); ok && q["state"] != "" {
		from = s.cameBack(v, q["state"])
	}
	s.Pages.Write(w, r, http.StatusOK, pages.SignedOut{SignInURL: access.SignInURL(s.ReturnTarget(from + browser.Home))})
}

// leaveNothing makes the page after sign-out clear what is left in the browser. Any page can link to it. If a user is
// signed in it clears nothing, and it deletes the storage only if the browser proves that a user of this site was
// signed in before.
func (s *signOutEndpoints) leaveNothing(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	switch _, _, err := s.Record(r, v); {
	case access.Over(err):
		s.EndCookie(w, v)
	case errors.Is(err, access.ErrNoCookie), errors.Is(err, access.ErrNotHere):
	default: // signed in, or unknown
		return
	}
	s.ClearSiteData(w, v, s.ForgetOwner(w, v))
}

// cameBack returns the site that the user has left, if it is another one.
func (s *signOutEndpoints) cameBack(v *access.Visit, state string) (origin string) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(state)
	if err != nil {
		return ""
	}
	plain, err := s.Keys.Open(keyring.PurposeFlow, sealed, v.Host, leftPlace)
	var l left
	if err != nil || json.Unmarshal(plain, &l) != nil || !s.Now().Before(time.UnixMilli(l.At).Add(leftLife)) {
		return ""
	}
	s.Logger.Info("back from the provider after sign-out", zap.String("session", l.Session), zap.String("provider", l.Provider))
	return l.Origin
}

// signedOutOrigin returns the origin to which a provider sends users back: with a sign-in host, that one, because only
// its address is registered there.
func (s *signOutEndpoints) signedOutOrigin(v *access.Visit) string {
	if s.SignInHostname != "" {
		return s.SignInHost
	}
	return v.Origin
}
