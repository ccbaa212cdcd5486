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

// An app stores data of a user in the browser that outlives the session: its own cookies, its storage. A site with
// personal AppData has a cookie that proves who was last signed in there. The cookie is in the same cookie jar as the
// data, so it exists after an idle sign-out, a revocation or a restart, and the server stores nothing. If it is
// missing, or proves another user, the data is deleted before the app gets the request.

const (
	// OwnerPlace separates the proof from the tokens of forms, which use the same key.
	OwnerPlace = "owner"
	// ownerSize is the length of the part after browser.OwnerCookie. It distinguishes apps that share a host.
	ownerSize = 8
)

func ownerCookie(app string) string {
	_, hash, _ := strings.Cut(string(session.HashKey("owner", app)), ":")
	return browser.OwnerCookie + hash[:ownerSize]
}

// KeepApart deletes what the app has stored for a user other than who, removes these cookies from the request, and
// records the new owner. If who already is the owner, which is almost always so, it does nothing. The caller must call
// it before the app writes the answer, because the browser uses the last cookie with a name.
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

// EndCookie clears the cookie of a session that has ended, and the app's cookies of its user.
func (s *Authenticator) EndCookie(w http.ResponseWriter, v *Visit) {
	browser.ClearCookie(w, v.Secure, browser.SessionCookie)
	if rule := v.Site.AppData; !v.OnBehalf && rule.Personal() {
		rule.Delete(w.Header(), v.Host, v.Secure, v.Cookies.Lines)
	}
}

// ForgetOwner deletes what the app has stored for the last user who was signed in here. It reports whether the browser
// proves that there was one.
func (s *Authenticator) ForgetOwner(w http.ResponseWriter, v *Visit) bool {
	name := ownerCookie(v.Site.App)
	owned := v.Cookies.Value(name) != ""
	if owned && v.Site.AppData.Personal() {
		v.Site.AppData.Delete(w.Header(), v.Host, v.Secure, v.Cookies.Lines)
		browser.ClearCookie(w, v.Secure, name)
	}
	return owned
}

// ClearSiteData makes the browser delete its cache of this site, and its storage if the site is configured so. Browsers
// obey on any answer of a secure origin. But Back can still show the page from which that answer was requested;
// therefore a page or a posted form comes in between.
//
// The directive "cookies" is never sent. It deletes the cookies of all hosts of the registrable domain, including those
// that the same answer sets (measured in Chromium 156 and Firefox 153).
func (s *Authenticator) ClearSiteData(w http.ResponseWriter, v *Visit, storage bool) {
	rule := appdata.Rule{Cache: true}
	if v.Site.AppData != nil && !v.OnBehalf {
		rule = appdata.Rule{Cache: v.Site.AppData.Cache, Storage: v.Site.AppData.Storage && storage}
	}
	if value := rule.SiteData(); value != "" {
		w.Header().Set("Clear-Site-Data", value)
	}
}

// GiveCookie sends the cookie of a session to the browser. The cookie of a persistent session lasts until its max
// lifetime; only the server enforces the idle limit, so that use needs no new cookie (X5). The cookie of a browser
// session has no lifetime.
//
// The same answer deletes the app's data of another user, so that no request carries the new session with the old data.
func (s *Authenticator) GiveCookie(w http.ResponseWriter, v *Visit, have *session.Record, token session.Token) {
	s.KeepApart(w, nil, v, have.Identity)
	value := session.SealToken(s.Keys, token, v.Host, browser.SessionCookie)
	if have.Kind == session.Persistent {
		browser.SetCookie(w, v.Secure, browser.SessionCookie, value, have.MaxEnd(s.Sessions.Limits()).Sub(s.Now()))
		return
	}
	browser.SetCookie(w, v.Secure, browser.SessionCookie, value, 0)
}

// Create creates the session, ends the browser's previous one (A13, A42, A75) and sends the cookie. If either fails,
// the previous one stays and there is no new one. keep: the previous one also stays, for other sites.
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

// endOldest enforces the limit of sessions of a user who has signed in (field trial 2.12).
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

// surplusTimeout is the timeout for ending surplus sessions after a sign-in.
const surplusTimeout = 30 * time.Second
