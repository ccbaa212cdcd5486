package signals

import (
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

	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signals"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

const (
	// pushTimeout is the timeout of one event, including the keys of the transmitter and all sessions of a user.
	pushTimeout = 20 * time.Second
	mediaType   = "application/secevent+jwt"
	// seldom is how often a refusal, or a failure, of one stream is logged.
	seldom = time.Minute
)

// Push implements access.Events (RFC 8935): 202 only after everything that follows from the event is written, 400 with
// err and description for an event that is refused, 503 for one that could not be carried out, so that it is sent again.
// An event about an unknown user, or of an unknown kind, is 202: a transmitter would send it again and again, and then
// end the stream.
func (s *Streams) Push(w http.ResponseWriter, r *http.Request, name string, from netip.Addr) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	one, key, now := s.byName[name], heldKey{from, name}, time.Now()
	secret, err := one.config.PushSecret()
	if err != nil {
		s.fail(w, one, err)
		return
	}
	switch {
	case secret != "" && !authorized(r, secret):
		one.CountRefused()
		err = &signals.Refused{Code: signals.AuthenticationFailed, Description: "the request does not have the secret of this stream (Authorization)"}
	case secret == "":
		if held, lasts := s.held.Get(key, now); lasts {
			h.Set("Retry-After", strconv.Itoa(int(held.Until.Sub(now)/time.Second)+1))
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
	}
	if err == nil {
		err = s.take(r, one)
	}
	var refused *signals.Refused
	isRefused := errors.As(err, &refused)
	if isRefused || errors.Is(err, signals.ErrUnknownKey) {
		if wait, ok := s.refused.Allow(from, name, now); !ok {
			s.hold(key, now, wait)
		}
	}
	switch {
	case err == nil:
		w.WriteHeader(http.StatusAccepted)
	case isRefused:
		s.refuse(w, one, refused, from)
	default:
		s.fail(w, one, err)
	}
}

// hold makes that events from an address are not looked at for a while.
func (s *Streams) hold(key heldKey, now time.Time, wait time.Duration) {
	s.held.Update(key, now, func(h retry.Hold[struct{}]) retry.Hold[struct{}] {
		h.Until = now.Add(wait)
		return h
	})
}

// authorized compares the secret in constant time, whatever its length.
func authorized(r *http.Request, secret string) bool {
	sent, has := bearer(r)
	a, b := sha256.Sum256([]byte(sent)), sha256.Sum256([]byte(secret))
	return has && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func (s *Streams) take(r *http.Request, one *stream) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != mediaType {
		one.CountRefused()
		return &signals.Refused{Code: signals.InvalidRequest, Description: "the body is not " + mediaType + " (Content-Type)"}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, signals.MaxToken+1))
	if err != nil {
		one.CountRefused()
		return &signals.Refused{Code: signals.InvalidRequest, Description: "the body was cut off"}
	}
	ctx, cancel := access.Detach(r, pushTimeout)
	defer cancel()
	return one.Receive(ctx, s.actor, strings.TrimSpace(string(body)))
}

func (s *Streams) refuse(w http.ResponseWriter, one *stream, refused *signals.Refused, from netip.Addr) {
	if one.said.Now(time.Now(), seldom) {
		s.logger.Warn("event refused", zap.String("signals", one.Name), zap.String("err", string(refused.Code)),
			zap.String("reason", refused.Description), zap.Stringer("address", from))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Language", "en")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"err": string(refused.Code), "description": refused.Description})
}

func (s *Streams) fail(w http.ResponseWriter, one *stream, err error) {
	quiet := errors.Is(err, signals.ErrBusy) || errors.Is(err, signals.ErrUnknownKey)
	if !quiet && one.failed.Now(time.Now(), seldom) {
		s.logger.Error("event not carried out, the transmitter must send it again", zap.String("signals", one.Name), zap.Error(oidc.Truncated(err)))
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(access.RetryAfter/time.Second)))
	w.WriteHeader(http.StatusServiceUnavailable)
}
