package access

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// A session that is bound to a device needs two cookies at every request: its own, and a short one that the browser gets
// for a proof that it has the key. The session cookie alone is what a thief has. Package bound gives the short cookie;
// this file checks it, without the store.

// OldHandleGrace is how long the session cookie of before works after the browser has used the one of the bound
// session: requests may have been on their way.
const OldHandleGrace = 30 * time.Second

// errOldHandle: the cookie is that of the session before it was bound. Only a copy of it can still be sent.
var errOldHandle = errors.New("session cookie of before the session was bound")

// errUnbindable: the cookie is that of a bound session, and the store does not know its key.
var errUnbindable = errors.New("bound session without a key")

// bindingMissing is the error for a bound session without a valid short cookie.
type bindingMissing struct{ session *session.Session }

func (*bindingMissing) Error() string {
	return "session is bound, and the cookie of its device is missing"
}

// Naked reports whether an error of Session means that the session is bound and the request has only its own cookie.
func Naked(err error) bool { return errors.As(err, new(*bindingMissing)) }

// bound checks what a session that has a key, or a token that says so, needs besides the token.
func (s *Authenticator) bound(r *http.Request, v *Visit, found *session.Session, token session.Token) (*session.Session, error) {
	if !token.Bound {
		if found.Bound && !s.Now().Before(found.BoundSince().Add(OldHandleGrace)) {
			return nil, errOldHandle
		}
		return found, nil // the answer with the other cookie may not have arrived
	}
	found, err := s.Confirmed(r, found, token)
	if err != nil {
		return nil, err
	}
	if _, ok := s.boundUntil(v, token.ID, found.Key()); !ok {
		return nil, &bindingMissing{found}
	}
	return found, nil
}

// Confirmed makes a session count as bound when its browser shows the cookie of a bound session for the first time. If
// that cannot be written the next request tries again.
func (s *Authenticator) Confirmed(r *http.Request, found *session.Session, token session.Token) (*session.Session, error) {
	if found.Bound {
		return found, nil
	}
	found, err := s.Sessions.Reload(r.Context(), token) // another replica has registered the key
	switch {
	case err != nil:
		return nil, err
	case found.Bound:
		return found, nil
	case found.Key() == session.KeyID{}:
		return nil, errUnbindable
	}
	ctx, cancel := Detach(r, StoreTimeout)
	defer cancel()
	who, err := s.Sessions.ConfirmBinding(ctx, found.ID)
	if err != nil {
		if Over(err) {
			return nil, err
		}
		s.Logger.Warn("bound session not written, the next request tries again", zap.String("session", found.ID.Short()), zap.Error(err))
		return found, nil
	}
	s.Logger.Info("session bound to its device", zap.String("session", found.ID.Short()))
	s.TellBound(who)
	return who.Session(), nil
}

// The parts of the short cookie: the ID of the session, the name of the key, and the end in Unix milliseconds.
const boundCookieSize = len(session.ID{}) + len(session.KeyID{}) + 8

const sealedBoundSize = keyring.SealOverhead + boundCookieSize

var exactBase64 = base64.RawURLEncoding.Strict()

// boundScratch is memory for decoding a short cookie, which happens at every request of a bound session: data for
// cipher.AEAD escapes to the heap. It contains what the client sent, never the opened cookie.
type boundScratch struct {
	text   [128]byte
	sealed [sealedBoundSize]byte
}

var boundMemory = sync.Pool{New: func() any { return new(boundScratch) }}

// boundAttributes are the attributes of the short cookie, as the browser compares them: in the order and spelling of
// browser.SetCookie, without a lifetime.
const boundAttributes = "Path=/; HttpOnly; Secure; SameSite=Lax"

// BoundAttributes returns the name of the short cookie and its attributes, as the browser is told them.
func BoundAttributes() (name, attributes string) {
	return browser.HostPrefix + browser.BoundCookie, boundAttributes
}

// boundMargin is how much earlier the short cookie ends in the browser than here, at most: a server whose clock is ahead
// would else refuse a cookie that the browser still has, and does not ask to replace.
const boundMargin = time.Minute

// GiveBound sends the short cookie of a session, which is valid until a time. The browser drops it a little earlier.
func (s *Authenticator) GiveBound(w http.ResponseWriter, v *Visit, id session.ID, key session.KeyID, until time.Time) {
	left := until.Sub(s.Now())
	if left <= 0 {
		return
	}
	plain := make([]byte, 0, boundCookieSize)
	plain = append(append(plain, id[:]...), key[:]...)
	plain = binary.BigEndian.AppendUint64(plain, uint64(until.UnixMilli())) //nolint:gosec // after 1970
	sealed := s.Keys.Seal(keyring.PurposeBound, plain, v.Host, browser.BoundCookie)
	browser.SetCookie(w, v.Secure, browser.BoundCookie, base64.RawURLEncoding.EncodeToString(sealed), left-min(boundMargin, left/10))
}

// boundUntil returns until when the short cookie of a request is valid for a session and its key.
func (s *Authenticator) boundUntil(v *Visit, id session.ID, key session.KeyID) (until time.Time, ok bool) {
	if len(v.Cookies.Bound) != base64.RawURLEncoding.EncodedLen(sealedBoundSize) {
		return until, false
	}
	m := boundMemory.Get().(*boundScratch)
	defer boundMemory.Put(m)
	if n, err := exactBase64.Decode(m.sealed[:], append(m.text[:0], v.Cookies.Bound...)); err != nil || n != sealedBoundSize {
		return until, false
	}
	plain, err := s.Keys.Open(keyring.PurposeBound, m.sealed[:], v.Host, browser.BoundCookie)
	if err != nil || session.ID(plain[:16]) != id || session.KeyID(plain[16:32]) != key {
		return until, false
	}
	until = time.UnixMilli(int64(binary.BigEndian.Uint64(plain[32:]))) //nolint:gosec // as written
	return until, s.Now().Before(until)
}
