package signin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

const (
	// maxLogoutBody bounds what a provider posts; a logout token is well under 2 KiB.
	maxLogoutBody = 16 << 10
	// logoutTimeout bounds what one logout may take: the provider's keys, and all sessions of a person.
	logoutTimeout = 20 * time.Second
)

const errLogoutSeen RefusedLogout = "logout_token was used before (jti)"

// backchannel is where a provider says that somebody has signed out there (OpenID Connect Back-Channel Logout 1.0,
// section 2.5). No browser is involved: no cookie, no page, no CSRF token; the signature is all there is.
//
// 200: what the token names is over, or there was nothing. 400: the token is not good, and will not be. 503: it could not
// be found out or not be done, so that the provider should try again (A82).
func (s *signOutEndpoints) backchannel(w http.ResponseWriter, r *http.Request, _ *Visit) {
	ctx, cancel := detach(r, logoutTimeout)
	defer cancel()
	var why RefusedLogout
	err := error(RefusedLogout("the body is not a form with one logout_token"))
	if form, ok := browser.ReadForm(w, r, maxLogoutBody, "logout_token"); ok && form["logout_token"] != "" {
		err = s.takeLogout(ctx, form["logout_token"])
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	switch {
	case err == nil:
		w.WriteHeader(http.StatusOK)
	case errors.As(err, &why):
		s.Logger.Warn("logout token refused", zap.String("reason", string(why)))
		writeLogoutError(w, http.StatusBadRequest, "invalid_request", string(why))
	default:
		s.Logger.Error("logout by the provider not done", zap.Error(truncated(err)))
		h.Set("Retry-After", strconv.Itoa(int(retryAfter/time.Second)))
		writeLogoutError(w, http.StatusServiceUnavailable, "temporarily_unavailable", "try again")
	}
}

// writeLogoutError answers as section 2.8 of the specification has it.
func writeLogoutError(w http.ResponseWriter, status int, word, description string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": word, "error_description": description})
}

// takeLogout does what a logout token says. The token counts as used only once it is done: a provider that tries again
// after a failure is not turned away, and doing it twice is harmless.
func (s *signOutEndpoints) takeLogout(ctx context.Context, raw string) error {
	p, token, err := VerifyLogout(ctx, s.Providers, raw)
	if err != nil {
		return err
	}
	used := session.Entry{
		Key: session.HashKey("lt", p.Issuer, p.ClientID, token.id), Value: []byte{1}, Expires: token.expires.Add(2 * MaxAhead),
	}
	switch _, err := s.Store.Get(ctx, used.Key); {
	case err == nil:
		return errLogoutSeen
	case !errors.Is(err, session.ErrNotFound):
		return err
	}
	ended, err := s.Sessions.EndByProvider(ctx, session.ProviderEnd{
		Issuer: p.Issuer, Subject: token.subject, ProviderSession: token.providerSession, At: token.issued,
	})
	s.revoked(ended, session.Identity{Issuer: p.Issuer, Subject: token.subject}, p.Name, ByProvider)
	if err != nil {
		return err
	}
	switch err := s.Store.Create(ctx, used); {
	case errors.Is(err, session.ErrConflict):
		return errLogoutSeen // two at once: both have done it, one may say so
	case err != nil:
		return err
	}
	s.Logger.Info("signed out by the provider", zap.String("provider", p.Name), zap.Int("sessions", len(ended)),
		zap.Bool("whole_person", token.providerSession == ""))
	return nil
}
