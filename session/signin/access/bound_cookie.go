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

// errUnbindable: the cookie is that of a bound session, and the store does not know its key.
var errUnbindable = errors.New("bound session without a key")

// bindingMissing is the error for a bound session without a valid short cookie. old: the session cookie is that of before
// the session was bound, at a host where no refresh can help.
type bindingMissing struct {
	session *session.Session
	old     bool
}

func (e *bindingMissing) Error() string {
	if e.old {
		return "session cookie of before the session was bound"
	}
	return "session is bound, and the cookie of its device is missing"
}

// Naked reports whether an error of Session means that the session is bound and the request has only its own cookie, so
// that a refresh helps.
func Naked(err error) bool {
	var missing *bindingMissing
	return errors.As(err, &missing) && !missing.old
}

// Unproven reports whether an error of Session means that the session is bound and the request does not prove its device.
func Unproven(err error) bool { return errors.As(err, new(*bindingMissing)) }

// bound checks what a session that has a key, or a token that says so, needs besides the token.
func (s *Authenticator) bound(r *http.Request, v *Visit, found *session.Session, token session.Token) (*session.Session, error) {
	_, proven := s.BoundUntil(v, token.ID, found)
	if token.Bound || proven { // else the answer that binds the session may not have arrived
		var err error
		if found, err = s.Confirmed(r, found, token); err != nil {
			return nil, err
		}
		if !proven {
			_, proven = s.BoundUntil(v, token.ID, found)
		}
	}
	switch {
	case proven:
		return found, nil
	case token.Bound:
		return nil, &bindingMissing{session: found}
	case found.Bound && !s.Now().Before(found.BoundSince().Add(OldHandleGrace)):
		// Where a site has one binding for its hosts, they keep the session cookie that they had before.
		return nil, &bindingMissing{session: found, old: s.Binds.Place(v.Host) == v.Host}
	}
	return found, nil
}

// ProvenUntil returns until when a request that Session has accepted proves the device of its session.
func (s *Authenticator) ProvenUntil(v *Visit, found *session.Session) time.Time {
	if until, ok := s.BoundUntil(v, found.ID, found); ok {
		return until
	}
	return found.BoundSince().Add(OldHandleGrace)
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
	case !found.Keyed():
		return nil, errUnbindable
	}
	ctx, cancel := Detach(r, StoreTimeout)
	defer cancel()
	who, first, err := s.Sessions.ConfirmBinding(ctx, found.ID)
	if err != nil {
		if Over(err) {
			return nil, err
		}
		s.Logger.Warn("bound session not written, the next request tries again", zap.String("session", found.ID.Short()), zap.Error(err))
		return found, nil
	}
	if first {
		s.Logger.Info("session bound to its device", zap.String("session", found.ID.Short()))
		s.TellBound(who)
	}
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

// BoundAttributes returns the name of the short cookie of a place and its attributes, as the browser is told them.
func BoundAttributes(place string) (name, attributes string) {
	if site := SiteOf(place); site != "" {
		return browser.SiteBoundCookie, "Domain=" + site + "; " + boundAttributes
	}
	return browser.HostPrefix + browser.BoundCookie, boundAttributes
}

// boundMargin is how much earlier the short cookie ends in the browser than here, at most: a server whose clock is ahead
// would else refuse a cookie that the browser still has, and does not ask to replace.
const boundMargin = time.Minute

// GiveBound sends the short cookie of a session for a place, which is valid until a time. The browser drops it a little
// earlier.
func (s *Authenticator) GiveBound(w http.ResponseWriter, v *Visit, place string, id session.ID, key session.KeyID, until time.Time) {
	left := until.Sub(s.Now())
	if left <= 0 {
		return
	}
	plain := make([]byte, 0, boundCookieSize)
	plain = append(append(plain, id[:]...), key[:]...)
	plain = binary.BigEndian.AppendUint64(plain, uint64(until.UnixMilli())) //nolint:gosec // after 1970
	site := SiteOf(place)
	if site == "" {
		place = v.Host
	}
	value := base64.RawURLEncoding.EncodeToString(s.Keys.Seal(keyring.PurposeBound, plain, place, browser.BoundCookie))
	lifetime := left - min(boundMargin, left/10)
	if site != "" {
		browser.SetSiteBound(w, site, value, lifetime)
		return
	}
	browser.SetCookie(w, v.Secure, browser.BoundCookie, value, lifetime)
}

// BoundUntil returns until when a short cookie of a request, the host's or the site's, is valid for the ID of a session and
// one of its keys.
func (s *Authenticator) BoundUntil(v *Visit, id session.ID, of keys) (until time.Time, ok bool) {
	if until, ok = s.openBound(v.Cookies.Bound, v.Host, id, of); !ok && s.Binds.Site != "" {
		until, ok = s.openBound(v.Cookies.SiteBound, s.Binds.place, id, of)
	}
	return until, ok
}

// keys are those of a session.
type keys interface{ Has(session.KeyID) bool }

func (s *Authenticator) openBound(value, place string, id session.ID, of keys) (until time.Time, ok bool) {
	if len(value) != base64.RawURLEncoding.EncodedLen(sealedBoundSize) {
		return until, false
	}
	m := boundMemory.Get().(*boundScratch)
	defer boundMemory.Put(m)
	if n, err := exactBase64.Decode(m.sealed[:], append(m.text[:0], value...)); err != nil || n != sealedBoundSize {
		return until, false
	}
	plain, err := s.Keys.Open(keyring.PurposeBound, m.sealed[:], place, browser.BoundCookie)
	if err != nil || session.ID(plain[:16]) != id || !of.Has(session.KeyID(plain[16:32])) {
		return until, false
	}
	until = time.UnixMilli(int64(binary.BigEndian.Uint64(plain[32:]))) //nolint:gosec // as written
	return until, s.Now().Before(until)
}
