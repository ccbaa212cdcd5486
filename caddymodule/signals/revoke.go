package signals

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/signals"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// revocation is what refused requests for revocation are counted under. No stream has this name.
const revocation = "/revoke"

// Revokes implements access.Events.
func (s *Streams) Revokes() bool { return s != nil && len(s.revoking) > 0 }

// Revoke implements access.Events: Global Token Revocation (draft-parecki-oauth-global-token-revocation-06). The proof of
// the caller decides for which stream, and so for whose users, the request is. 204 only after all sessions of the user
// have ended; 503 for a request that could not be carried out.
func (s *Streams) Revoke(w http.ResponseWriter, r *http.Request, from netip.Addr) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	now := time.Now()
	credential, has := bearer(r)
	one, err := s.bySecret(credential)
	if err != nil {
		s.fail(w, one, err)
		return
	}
	if one == nil {
		if held, lasts := s.held.Get(heldKey{from, revocation}, now); lasts {
			h.Set("Retry-After", strconv.Itoa(int(held.Until.Sub(now)/time.Second)+1))
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
	}
	ctx, cancel := access.Detach(r, pushTimeout)
	defer cancel()
	var by *signals.Assertion
	switch {
	case one != nil:
	case !has:
		h.Set("WWW-Authenticate", "Bearer")
		err = &signals.Refused{Code: signals.AuthenticationFailed, Description: "the request has no credential of the form Bearer (Authorization)"}
	default:
		one, by, err = s.byAssertion(ctx, credential)
	}
	if err == nil {
		err = s.carry(ctx, r, one, by)
	}
	s.answerRevocation(w, one, err, from, now)
}

func (s *Streams) answerRevocation(w http.ResponseWriter, one *stream, err error, from netip.Addr, now time.Time) {
	var refused *signals.Refused
	status, code := 0, ""
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
		return
	case errors.As(err, &refused):
		status, code = http.StatusUnauthorized, "invalid_token"
		if refused.Code == signals.InvalidRequest {
			status, code = http.StatusBadRequest, "invalid_request"
		}
	case errors.Is(err, signals.ErrNotTheirs):
		status, code = http.StatusForbidden, "access_denied"
	case errors.Is(err, signals.ErrNoUser):
		status, code = http.StatusNotFound, "user_not_found"
	case errors.Is(err, signals.ErrNotAUser):
		status, code = http.StatusUnprocessableEntity, "unsupported_subject"
	default:
		s.fail(w, one, err)
		return
	}
	h := w.Header()
	if status == http.StatusUnauthorized {
		if h.Get("WWW-Authenticate") == "" {
			h.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		}
		if wait, ok := s.refused.Allow(from, revocation, now); !ok {
			s.hold(heldKey{from, revocation}, now, wait)
		}
	}
	name := ""
	if one != nil {
		name = one.Name
		one.CountRefused()
	}
	if s.said.Now(now, seldom) {
		s.logger.Warn("request for revocation refused", zap.String("signals", name), zap.Int("status", status), zap.String("reason", err.Error()),
			zap.Stringer("address", from))
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Language", "en")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": err.Error()})
}

// bearer returns the credential of a request. A request with two has none.
func bearer(r *http.Request) (credential string, has bool) {
	values := r.Header["Authorization"]
	if len(values) != 1 {
		return "", false
	}
	scheme, sent, _ := strings.Cut(values[0], " ")
	sent = strings.TrimSpace(sent)
	return sent, strings.EqualFold(scheme, "Bearer") && sent != ""
}

// bySecret returns the stream whose secret for revocation the caller has; nil if there is none. All secrets are compared,
// in constant time, whatever their length. A secret that cannot be read is an error if no other one is the caller's.
func (s *Streams) bySecret(credential string) (*stream, error) {
	var found, unread *stream
	var failed error
	sent := sha256.Sum256([]byte(credential))
	for _, one := range s.revoking {
		secret, err := one.config.RevokeSecret()
		if err != nil {
			unread, failed = one, err
			continue
		}
		is := sha256.Sum256([]byte(secret))
		if subtle.ConstantTimeCompare(sent[:], is[:]) == 1 && secret != "" && found == nil {
			found = one
		}
	}
	if found == nil && failed != nil && !signals.IsAssertion(credential) {
		return unread, failed
	}
	return found, nil
}

// byAssertion returns the stream for which a signed assertion is.
func (s *Streams) byAssertion(ctx context.Context, credential string) (*stream, *signals.Assertion, error) {
	refusal := error(&signals.Refused{Code: signals.AuthenticationFailed, Description: "the credential is neither a secret nor an assertion for this gateway"})
	for _, one := range s.revoking {
		if one.config.Revoke.Secret != "" {
			continue
		}
		by, err := one.Transmitter.VerifyCaller(ctx, credential, one.Provider.ClientID)
		var refused *signals.Refused
		switch {
		case err == nil:
			return one, by, nil
		case !errors.As(err, &refused):
			return one, nil, err
		case refused.Code != signals.InvalidIssuer:
			refusal = err
		}
	}
	return nil, nil, refusal
}

// carry reads the request and carries it out.
func (s *Streams) carry(ctx context.Context, r *http.Request, one *stream, by *signals.Assertion) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &signals.Refused{Code: signals.InvalidRequest, Description: "the body is not application/json (Content-Type)"}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, signals.MaxRevocation+1))
	if err != nil {
		return &signals.Refused{Code: signals.InvalidRequest, Description: "the body was cut off"}
	}
	return one.Revoke(ctx, s.actor, by, body)
}
