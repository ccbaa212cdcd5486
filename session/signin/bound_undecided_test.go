package signin

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// Policies that cannot be evaluated refuse a refresh for now. The session and its key stay.
func TestRefreshWithoutADecision(t *testing.T) {
	var failed atomic.Bool
	g := binding(t, func(s *settings) {
		s.admit = func(*access.Visit, *session.Record) access.Admission {
			if failed.Load() {
				return access.Admission{Err: errors.New("a rule cannot be evaluated"), Refusal: &access.Refusal{}}
			}
			return access.Admission{}
		}
	})
	b := g.bound("yes")
	failed.Store(true)
	if r := b.refresh(); r.status != http.StatusServiceUnavailable || len(r.setCookies()) > 0 {
		t.Errorf("without a decision: %d %s", r.status, r.body)
	}
	failed.Store(false)
	if r := b.refresh(); r.status != http.StatusOK || b.value(short) == "" {
		t.Errorf("afterwards: %d", r.status)
	}
}
