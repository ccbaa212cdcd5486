package signin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/bound"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

func (b *kindBench) boundKinds() []sealedKind {
	return []sealedKind{
		b.boundCookieKind(),
		b.offerKind("bound challenge", "challenge", bound.ChallengePrefix),
		b.offerKind("bound authorization", "authorization", ""),
	}
}

func (b *kindBench) boundCookieKind() sealedKind {
	return sealedKind{
		name: "bound cookie",
		seal: func(t *testing.T, place int) []byte {
			return b.cookie(t, func(w http.ResponseWriter) {
				b.service.GiveBound(w, b.visits[place], "", session.ID{1}, session.KeyID{2}, b.service.Now().Add(time.Hour))
			})
		},
		open: b.opensBound(browser.BoundCookie),
	}
}

// offerKind is a part of an offer to bind a session.
func (b *kindBench) offerKind(name, part, prefix string) sealedKind {
	return sealedKind{
		name: name,
		seal: func(t *testing.T, place int) []byte {
			w := httptest.NewRecorder()
			b.service.Binds.On = true
			b.service.binder.Offer(w, b.visits[place], &session.Record{Kind: session.Persistent}, session.NewToken(), false)
			_, rest, _ := strings.Cut(w.Header().Get("Secure-Session-Registration"), part+`="`)
			text, _, _ := strings.Cut(rest, `"`)
			return b.decoded(t, strings.TrimPrefix(text, prefix))
		},
		open: b.opensBound(part),
	}
}

// opensBound opens what has to do with bound sessions, as package access and package bound do. Both also compare the size.
func (b *kindBench) opensBound(at string) func(*testing.T, int, []byte) bool {
	return func(_ *testing.T, place int, sealed []byte) bool {
		_, err := b.service.Keys.Open(keyring.PurposeBound, sealed, b.visits[place].Host, at)
		return err == nil
	}
}
