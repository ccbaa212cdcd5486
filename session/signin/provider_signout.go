package signin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signals"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

const (
	// maxLogoutBody is the largest body that a provider may post; a logout token is well under 2 KiB.
	maxLogoutBody = 16 << 10
	// logoutTimeout is the timeout of one logout, including the provider's keys and all sessions of a user.
	logoutTimeout = 20 * time.Second
)

const errLogoutSeen oidc.RefusedLogout = "logout_token was used before (jti)"

// backchannel is the endpoint at which a provider reports that a user has signed out there (OpenID Connect Back-Channel
// Logout 1.0, section 2.5). No browser is involved, so there is no cookie, page or CSRF token; only the signature
// proves the request.
//
// 200: the sessions that the token names have ended, or there were none. 400: the token is invalid, also for a repeated
// request. 503: the check or the logout failed, so the provider should try again (A82).
func (s *signOutEndpoints) backchannel(w http.ResponseWriter, r *http.Request, _ *access.Visit) {
	ctx, cancel := access.Detach(r, logoutTimeout)
	defer cancel()
	var why oidc.RefusedLogout
	err := error(oidc.RefusedLogout("the body is not a form with one logout_token"))
	if form, ok := browser.ReadForm(w, r, maxLogoutBody, "logout_token"); ok && form["logout_token"] != "" {
		err = s.takeLogout(ctx, form["logout_token"])
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	switch {
	case err == nil:
		s.countSignOut(SignOutDone)
		w.WriteHeader(http.StatusOK)
	case errors.As(err, &why):
		s.countSignOut(SignOutRefused)
		s.Logger.Warn("logout token refused", zap.String("reason", string(why)))
		writeLogoutError(w, http.StatusBadRequest, "invalid_request", string(why))
	default:
		s.countSignOut(SignOutFailed)
		s.Logger.Error("logout by the provider not done", zap.Error(oidc.Truncated(err)))
		h.Set("Retry-After", strconv.Itoa(int(access.RetryAfter/time.Second)))
		writeLogoutError(w, http.StatusServiceUnavailable, "temporarily_unavailable", "try again")
	}
}

// The results of a back-channel logout, for Config.OnSignOut.
const (
	SignOutDone    = "done"
	SignOutRefused = "refused"
	SignOutFailed  = "failed"
)

func (s *signOutEndpoints) countSignOut(result string) {
	if s.OnSignOut != nil {
		s.OnSignOut(result)
	}
}

// writeLogoutError answers as section 2.8 of the specification requires.
func writeLogoutError(w http.ResponseWriter, status int, word, description string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": word, "error_description": description})
}

// takeLogout performs a logout. The token counts as used only after success: a provider that tries again after a
// failure is not refused, and repeating the logout is harmless.
func (s *signOutEndpoints) takeLogout(ctx context.Context, raw string) error {
	p, token, err := oidc.VerifyLogout(ctx, s.Providers, raw)
	if err != nil {
		return err
	}
	used := session.Entry{
		Key: session.HashKey("lt", p.Issuer, p.ClientID, token.ID), Value: []byte{1}, Expires: token.Expires.Add(2 * oidc.MaxAhead),
	}
	switch _, err := s.Store.Get(ctx, used.Key); {
	case err == nil:
		return errLogoutSeen
	case !errors.Is(err, session.ErrNotFound):
		return err
	}
	if _, err := s.actor.Carry(ctx, signedOutAt(p, token)); err != nil {
		return err
	}
	switch err := s.Store.Create(ctx, used); {
	case errors.Is(err, session.ErrConflict):
		return errLogoutSeen // two at once: both have done it, only one reports success
	case err != nil:
		return err
	}
	return nil
}

// signedOutAt is what a logout token reports.
func signedOutAt(p *oidc.Provider, token *oidc.LogoutToken) *signals.Report {
	r := &signals.Report{
		Event: signals.Event{Kind: signals.ProviderSignedOut}, At: token.Issued,
		Provider: signals.Provider{Name: p.Name, Issuer: p.Issuer, ClientID: p.ClientID},
		By:       access.ByProvider, From: p.Name,
	}
	if token.Subject != "" {
		r.Subject.User = &signals.Identifier{Format: signals.IssSub, Issuer: p.Issuer, Value: token.Subject}
	}
	if token.ProviderSession != "" {
		r.Subject.Session = &signals.Identifier{Format: signals.Opaque, Value: token.ProviderSession}
	}
	return r
}

// frontchannel is the endpoint by which a provider's sign-out page reports, in a frame in the user's browser, that the
// user has signed out there (OpenID Connect Front-Channel Logout 1.0). It ends the session of this browser if issuer
// and sid belong to that session, and nothing else (A43). The URL is not secret and proves nothing: without the cookie
// check, an attacker who has seen a sid could end other users' sessions.
//
// Browsers send our SameSite=Lax cookie into a frame only if provider and site have the same registrable domain.
// Otherwise the request has no cookie and nothing happens; the back channel is for that case. The answer is the same in
// both cases, so it reveals nothing about who is signed in.
func (s *signOutEndpoints) frontchannel(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	q, ok := browser.SingleValues(r.URL.RawQuery, "iss", "sid")
	p := s.byIssuer(q["iss"])
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors "+frames(p))
	h.Set("Content-Type", "text/html; charset=utf-8")
	if !ok || p == nil || q["sid"] == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	have, _, err := s.Record(r, v)
	switch {
	case err == nil && have.Identity.Issuer == p.Issuer && have.ProviderSession == q["sid"]:
		ctx, cancel := access.Detach(r, access.StoreTimeout)
		defer cancel()
		if err = s.Sessions.End(ctx, have); err != nil {
			break
		}
		s.EndCookie(w, v)
		s.Logger.Info("signed out by the provider in the browser", zap.String("provider", p.Name),
			zap.String("session", have.ID.Short()), zap.String("app", v.Site.App))
		data := access.EventData(have)
		data["by"] = access.ByFrame
		s.Tell(access.EventRevoked, data)
	case err == nil:
		why := "the browser's session is of another sid than the provider names"
		switch {
		case have.Identity.Issuer != p.Issuer:
			why = "the browser's session is of another provider"
		case have.ProviderSession == "":
			why = "the browser's session has no sid: the provider named none in its ID token"
		}
		s.endedNothing(p, v, why)
	case access.NoSession(err):
		err = nil
		s.endedNothing(p, v, "the request came without a session: browsers send no cookie into a frame of another site")
	}
	if err != nil {
		s.Logger.Error("session store cannot be asked", zap.String("app", v.Site.App), zap.Error(err))
		h.Set("Retry-After", strconv.Itoa(int(access.RetryAfter/time.Second)))
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// endedNothing logs that a front-channel logout has ended nothing, once a minute for each reason, because any client
// can request it. The answer does not say so.
func (s *signOutEndpoints) endedNothing(p *oidc.Provider, v *access.Visit, why string) {
	once, _ := s.saidNothing.LoadOrStore(p.Name+" "+why, new(retry.Seldom))
	if once.(*retry.Seldom).Now(s.Now(), time.Minute) {
		s.Logger.Warn("front-channel logout ended nothing", zap.String("provider", p.Name), zap.String("app", v.Site.App),
			zap.String("reason", why))
	}
}

// frames lists the origins on which a provider shows its pages, for frame-ancestors: those of its issuer, authorization
// and end_session endpoints. Nothing for nil.
func frames(p *oidc.Provider) string {
	if p == nil {
		return "'none'"
	}
	urls := []string{p.Issuer}
	if m := p.Known(); m != nil {
		urls = append(urls, m.AuthorizationEndpoint, m.EndSessionEndpoint)
	}
	var origins []string
	for _, raw := range urls {
		if o := pages.Origin(raw); o != "" && !slices.Contains(origins, o) {
			origins = append(origins, o)
		}
	}
	if len(origins) == 0 {
		return "'none'"
	}
	return strings.Join(origins, " ")
}

// byIssuer returns the first provider with an issuer, nil if there is none.
func (s *signOutEndpoints) byIssuer(issuer string) *oidc.Provider {
	for _, p := range s.Providers {
		if p.Issuer == issuer {
			return p
		}
	}
	return nil
}
