package access

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/appdata"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// An app keeps data of a user in the browser that outlives the session: its own cookies, its storage. A site whose AppData
// is personal has a cookie that proves who was signed in there last. It lives in the same cookie jar as the data that it
// is about, so it is there after an idle sign-out, a revocation or a restart, and nothing is stored on the server. Where
// it is missing, or proves another user, the data is deleted before the app is asked.

const (
	// OwnerPlace separates the proof from the tokens of forms, which the same key makes.
	OwnerPlace = "owner"
	// ownerSize is the length of what follows browser.OwnerCookie: apps may share a host, and each has its own data.
	ownerSize = 8
)

func ownerCookie(app string) string {
	_, hash, _ := strings.Cut(string(session.HashKey("owner", app)), ":")
	return browser.OwnerCookie + hash[:ownerSize]
}

// KeepApart deletes what the app has stored for another user than who, takes the cookies among it out of the request, and
// notes who is the owner now. It does nothing where the owner is who already, which it is at nearly every request.
// The caller must call it before the app writes to the answer: the browser takes the last cookie of a name.
func (s *Authenticator) KeepApart(w http.ResponseWriter, request http.Header, v *Visit, who session.Identity) {
	rule := v.Site.AppData
	if v.OnBehalf || !rule.Personal() {
		return
	}
	name := ownerCookie(v.Site.App)
	if proof, err := base64.RawURLEncoding.Strict().DecodeString(v.Cookies.Value(name)); err == nil && len(proof) > 0 &&
		s.Keys.Verify(proof, OwnerPlace, v.Host, v.Site.App, who.Issuer, who.Subject) {
		return
	}
	complete := rule.Delete(w.Header(), v.Host, v.Secure, v.Cookies.Lines)
	rule.Strip(request)
	if rule.Storage {
		w.Header().Set("Clear-Site-Data", rule.SiteData())
	}
	if complete {
		proof := s.Keys.Sum(OwnerPlace, v.Host, v.Site.App, who.Issuer, who.Subject)
		browser.SetCookie(w, v.Secure, name, base64.RawURLEncoding.EncodeToString(proof), browser.LongestLife)
	}
}

// EndCookie clears the cookie of a session that is over, and with it the cookies of the app that belong to its user.
func (s *Authenticator) EndCookie(w http.ResponseWriter, v *Visit) {
	browser.ClearCookie(w, v.Secure, browser.SessionCookie)
	if rule := v.Site.AppData; !v.OnBehalf && rule.Personal() {
		rule.Delete(w.Header(), v.Host, v.Secure, v.Cookies.Lines)
	}
}

// ForgetOwner deletes what the app has stored for the user who was signed in here last. It reports whether the browser
// shows that there was one.
func (s *Authenticator) ForgetOwner(w http.ResponseWriter, v *Visit) bool {
	name := ownerCookie(v.Site.App)
	owned := v.Cookies.Value(name) != ""
	if owned && v.Site.AppData.Personal() {
		v.Site.AppData.Delete(w.Header(), v.Host, v.Secure, v.Cookies.Lines)
		browser.ClearCookie(w, v.Secure, name)
	}
	return owned
}

// ClearSiteData tells the browser to empty its cache of this site, and its storage if the site says so. Browsers obey on
// any answer of a secure origin, but the page that this answer replaces comes back with Back. So the page that asks, or
// the form that is posted, has to be in between.
//
// The directive "cookies" is never sent. It deletes the cookies of all hosts of the registrable domain, those that the
// same answer sets among them (measured in Chromium 156 and Firefox 153).
func (s *Authenticator) ClearSiteData(w http.ResponseWriter, v *Visit, storage bool) {
	rule := appdata.Rule{Cache: true}
	if v.Site.AppData != nil && !v.OnBehalf {
		rule = appdata.Rule{Cache: v.Site.AppData.Cache, Storage: v.Site.AppData.Storage && storage}
	}
	if value := rule.SiteData(); value != "" {
		w.Header().Set("Clear-Site-Data", value)
	}
}

// GiveCookie hands a session to the browser. A persistent one lasts as long as it can at most; its idle limit is kept
// by the server alone, so that using it needs no new cookie (X5). A browser session has no lifetime in the browser.
//
// The app's data of another user goes in the same answer, so that no request shows the one and carries the other.
func (s *Authenticator) GiveCookie(w http.ResponseWriter, v *Visit, have *session.Record, token session.Token) {
	s.KeepApart(w, nil, v, have.Identity)
	value := session.SealToken(s.Keys, token, v.Host, browser.SessionCookie)
	if have.Kind == session.Persistent {
		browser.SetCookie(w, v.Secure, browser.SessionCookie, value, have.MaxEnd(s.Sessions.Limits()).Sub(s.Now()))
		return
	}
	browser.SetCookie(w, v.Secure, browser.SessionCookie, value, 0)
}

// Create makes the session, ends the one that the browser presented before (A13, A42, A75) and hands out the cookie. If
// either cannot be done, the one before stays and there is no new one. keep leaves the one before to other sites.
func (s *Authenticator) Create(ctx context.Context, w http.ResponseWriter, v *Visit, draft session.Record, tokens session.Tokens, keep bool, in ...session.Listing) (*session.Record, session.Token, error) {
	made, token, err := s.Sessions.Create(ctx, draft, tokens, in...)
	if err != nil {
		return nil, token, err
	}
	old, err := s.Token(v)
	switch {
	case err == nil && !keep:
		err = s.Sessions.EndID(ctx, old.ID)
	case NoSession(err):
		err = nil
	}
	if err != nil {
		_ = s.Sessions.End(context.WithoutCancel(ctx), made) // no browser has its cookie
		return nil, token, err
	}
	s.GiveCookie(w, v, made, token)
	s.Background(func(ctx context.Context) { s.endOldest(ctx, made) })
	return made, token, nil
}

// endOldest holds a user who has signed in to the number of sessions that one may have (field trial 2.12).
func (s *Authenticator) endOldest(ctx context.Context, made *session.Record) {
	ctx, cancel := context.WithTimeout(ctx, surplusTimeout)
	defer cancel()
	ended, err := s.Sessions.EndSurplus(ctx, made, s.MaxSessions)
	for _, have := range ended {
		s.Logger.Info("session ended: the user has more than max_sessions", zap.String("session", have.ID.Short()),
			zap.String("user", have.User), zap.Int("max_sessions", s.MaxSessions))
		s.TellRevoked([]string{have.ID.Short()}, have.Identity, have.Provider, BySurplus)
	}
	if err != nil {
		s.Logger.Warn("sessions beyond max_sessions not ended; the next sign-in of the user tries again", zap.Error(err))
	}
}

// surplusTimeout bounds the work after a sign-in that holds a user to MaxSessions.
const surplusTimeout = 30 * time.Second
