package bearer

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-gateway/latchkey/session/jwks"
)

// counted are keys that count the checks of signatures.
type counted struct {
	Keys
	checks int
	away   bool
}

func (c *counted) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	c.checks++
	if c.away {
		return nil, jwks.ErrAway
	}
	return c.Keys.VerifySignature(ctx, token)
}

// The signature of a wrong token is checked once in a few seconds, and the token counts as wrong each time. A good token from
// the same address stays good.
func TestForgedIsCheckedSeldom(t *testing.T) {
	keys := new(counted)
	w := newWorld(t, func(c *Config) {
		keys.Keys = c.Issuers[0].Keys
		c.Issuers[0].Keys = keys
	})
	forged := w.token(nil)
	forged = forged[:len(forged)-20] + "AAAAAAAAAAAAAAAAAAAA"
	for i := range 2 * wrongTokens.N {
		want := ReasonSignature
		if i >= wrongTokens.N {
			want = ReasonAttempts
		}
		w.mustRefuse("a forged token", forged, want)
	}
	if keys.checks != 1 {
		t.Errorf("%d checks", keys.checks)
	}
	w.clock.Advance(2 * unknownLife)
	if _, err := w.v.Verify(t.Context(), presented(schemeBearer, forged), netip.MustParseAddr("192.0.2.77")); reasonOf(err) != ReasonSignature || keys.checks != 2 {
		t.Errorf("later: %v after %d checks", err, keys.checks)
	}
	if _, err := w.verify(w.token(map[string]any{"jti": "another"})); err != nil {
		t.Errorf("a good token from there: %v", err)
	}
}

// Tokens of addresses that guess wait for each other and for what else there is to do; those of others do not.
func TestSlowGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s slow
		began := time.Now()
		if err := s.enter(t.Context()); err != nil || time.Since(began) == 0 {
			t.Fatalf("%v after %v", err, time.Since(began))
		}
		entered := make(chan error)
		go func() { entered <- s.enter(t.Context()) }()
		gone, leave := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer leave()
		if err := s.enter(gone); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one that leaves: %v", err)
		}
		select {
		case err := <-entered:
			t.Errorf("two at a time: %v", err)
		default:
		}
		s.leave()
		if err := <-entered; err != nil {
			t.Error(err)
		}
		s.leave()
		if n := s.waiting.Load(); n != 0 {
			t.Errorf("%d wait", n)
		}
	})
}

// However many wait, one more is told to come later.
func TestSlowIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s slow
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if err := s.enter(ctx); err != nil {
			t.Fatal(err)
		}
		for range maxSlow {
			go func() { _ = s.enter(ctx) }()
		}
		synctest.Wait()
		soon, stop := context.WithTimeout(ctx, time.Second)
		defer stop()
		if err := s.enter(soon); reasonOf(err) != ReasonAttempts {
			t.Errorf("%v", err)
		}
		cancel()
		synctest.Wait()
		if n := s.waiting.Load(); n != 0 {
			t.Errorf("%d wait", n)
		}
	})
}
