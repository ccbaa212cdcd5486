package bearer

import (
	"context"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
)

// noTokens has no token, and counts who asks.
type noTokens struct{ asked int }

func (n *noTokens) Find(context.Context, session.ID, string) (*apitoken.Token, *session.Record, error) {
	n.asked++
	return nil, nil, session.ErrNotFound
}
func (*noTokens) Used(context.Context, *apitoken.Token, string) {}
func (*noTokens) Stamp() uint64                                 { return 1 }
func (*noTokens) Fresh(uint64, time.Time) bool                  { return true }
func (*noTokens) Spared(uint64, time.Time) bool                 { return false }

// A token that does not exist is looked up once in a few seconds, however often it is sent, and counts as wrong each time.
func TestUnknownIsAskedSeldom(t *testing.T) {
	none := new(noTokens)
	w := newWorld(t, func(c *Config) {
		c.Own = &Own{App: "git", Tokens: func() (Tokens, error) { return none, nil }}
	})
	p := presented(schemeBearer, "lk_wrong")
	p.own, p.id = true, session.ID{1}
	for i := range 2 * wrongTokens.N {
		want := ReasonUnknown
		if i >= wrongTokens.N {
			want = ReasonAttempts
		}
		if _, err := w.v.Verify(t.Context(), p, client); reasonOf(err) != want {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	if none.asked != 1 {
		t.Errorf("the store was asked %d times", none.asked)
	}
	w.clock.Advance(2 * unknownLife)
	if _, err := w.v.Verify(t.Context(), p, netip.MustParseAddr("192.0.2.77")); reasonOf(err) != ReasonUnknown || none.asked != 2 {
		t.Errorf("later: %v, asked %d times", err, none.asked)
	}
	p.hash[0]++
	if _, err := w.v.Verify(t.Context(), p, netip.MustParseAddr("192.0.2.77")); reasonOf(err) != ReasonUnknown || none.asked != 3 {
		t.Errorf("another one: %v, asked %d times", err, none.asked)
	}
}

// A flood of different tokens takes no more memory than two generations have, and what does not fit is looked up.
func TestUnknownIsBounded(t *testing.T) {
	w := newWorld(t, nil)
	var u unknown
	of := func(i int) (d digest) { binary.BigEndian.PutUint64(d[:], uint64(i)); return d } //nolint:gosec // not negative
	for i := range 3 * maxUnknown {
		u.add(of(i), w.clock.Now())
	}
	if len(u.now) != maxUnknown || !u.has(of(0), w.clock.Now()) || u.has(of(3*maxUnknown-1), w.clock.Now()) {
		t.Errorf("%d are remembered", len(u.now))
	}
	w.clock.Advance(unknownLife)
	if !u.has(of(0), w.clock.Now()) || len(u.now) != 0 {
		t.Error("forgotten too early")
	}
	w.clock.Advance(unknownLife)
	if u.has(of(0), w.clock.Now()) || len(u.was) != 0 {
		t.Error("remembered too long")
	}
}
