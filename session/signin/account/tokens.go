package account

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// The tokens that a user has made for programs.

const (
	doCreateToken = "create_token"
	doRevokeToken = "revoke_token"
	// newTokenQuery asks for the form for a new token.
	newTokenQuery = "new=token"
	// grantedQuery says that the provider was asked for a grant.
	grantedQuery = "granted"
	// tokenSignIn is how recent the sign-in must be for a new token. A copied cookie is so not enough to get a credential
	// that outlives it: the browser must also be known to the provider.
	tokenSignIn = 15 * time.Minute
)

// made is a token that was just made. It is shown once.
type made struct {
	*apitoken.Token
	text string
}

// mayMakeToken reports whether a session is recent enough for a new token.
func (s *Page) mayMakeToken(who *session.Record) bool {
	signedIn := who.Created
	if who.SteppedUp.After(signedIn) {
		signedIn = who.SteppedUp
	}
	return s.Now().Sub(signedIn) < tokenSignIn
}

// signInForToken makes the user sign in. A provider that remembers them asks nothing.
func (s *Page) signInForToken(w http.ResponseWriter, r *http.Request, v *access.Visit, who visitor) {
	s.signIn.StepUp(w, r, v, who.session, &access.Refusal{Reason: "token_needs_sign_in"}, new(oidc.Demand))
}

// fetchGrant sends a user whose tokens have no grant to the provider for one, and reports whether it did. The query says that
// this has been tried.
func (s *Page) fetchGrant(w http.ResponseWriter, r *http.Request, v *access.Visit, who visitor) bool {
	if r.URL.Query().Has(grantedQuery) {
		return false
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	return !s.Tokens.Renewed(ctx, who.session.Identity) &&
		s.signIn.GrantForTokens(w, r, v, who.session, who.token, v.Return+"&"+grantedQuery)
}

// apps returns the names of the apps for which the user can make a token here. A page of one app must not be able to get a
// credential for another one, so each site offers itself alone; the sign-in host, which has no app, offers all.
func (s *Page) apps(v *access.Visit) []string {
	if s.TokenApps == nil || s.HandsOver(v) {
		return nil
	}
	apps := s.TokenApps()
	switch {
	case s.SignInHost != "":
		return apps
	case slices.Contains(apps, v.Site.App):
		return []string{v.Site.App}
	}
	return nil
}

// revokeToken ends a token of the user. If it has already ended that is a success; another user's token gives the same
// answer (A23).
func (s *Page) revokeToken(w http.ResponseWriter, r *http.Request, v *access.Visit, who visitor, short string) {
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	t, err := s.Tokens.RevokeOwn(ctx, who.session.Identity, short)
	switch {
	case err == nil:
		s.Logger.Info("person revoked a token", zap.String("session", who.session.ID.Short()), zap.String("token", t.Short()), zap.String("app", t.App))
		s.TellToken(access.EventTokenRevoked, who.session, t)
	case !errors.Is(err, session.ErrNotFound):
		s.StoreDown(w, r, v, err)
		return
	}
	s.mineChanged(w, r, v, who)
}

// tokenJSON is a token for scripts.
type tokenJSON struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	App      string     `json:"app"`
	Created  time.Time  `json:"created"`
	Expires  time.Time  `json:"expires"`
	LastUsed *time.Time `json:"last_used,omitempty"`
	LastIP   string     `json:"last_ip,omitempty"`
}

// madeJSON is a token that was just made. Token is told once.
type madeJSON struct {
	ID    string `json:"id"`
	Token string `json:"token"`
}

func tokensJSON(tokens []*apitoken.Token) []tokenJSON {
	var out []tokenJSON
	for _, t := range tokens {
		one := tokenJSON{ID: t.Short(), Name: t.Name, App: t.App, Created: t.Created, Expires: t.Expires, LastIP: t.LastIP}
		if !t.LastUsed.IsZero() {
			one.LastUsed = &t.LastUsed
		}
		out = append(out, one)
	}
	return out
}
