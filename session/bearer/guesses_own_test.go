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

// fewTokens has the tokens that it knows, and counts who asks.
type fewTokens struct {
	noTokens
	known map[session.ID]error // nil: it is good
	away  bool
	at    func() time.Time
}

func (f *fewTokens) Find(_ context.Context, id session.ID, _ string) (*apitoken.Token, *session.Record, error) {
	f.asked++
	if f.away {
		return nil, nil, session.ErrUnavailable
	}
	err, known := f.known[id]
	if !known {
		return nil, nil, session.ErrNotFound
	}
	if err != nil {
		return nil, nil, err
	}
	now := f.at()
	who := &session.Record{
		ID: id, Kind: session.Browser, Provider: "main", Identity: session.Identity{Issuer: "https://idp.example.com", Subject: "s-1"},
		Created: now, Began: now, LastUsed: now, GroupsAsOf: now,
	}
	return &apitoken.Token{Expires: now.Add(time.Hour)}, who, nil
}

// guessed is a world in which an address sends a thousand tokens of Latchkey a second, none of which exists.
type guessed struct {
	*world
	few  *fewTokens
	sent int
}

func newGuessed(t *testing.T) *guessed {
	g := &guessed{few: &fewTokens{known: map[session.ID]error{}}}
	g.world = newWorld(t, func(c *Config) {
		c.Own = &Own{App: "git", Tokens: func() (Tokens, error) { return g.few, nil }}
	})
	g.few.at = g.clock.Now
	return g
}

// ownToken is what a request presents that has a token of this number.
func ownToken(n int) Presented {
	p := Presented{Scheme: schemeBasic, Token: "lk_", own: true}
	binary.BigEndian.PutUint64(p.hash[:], uint64(n)+1) //nolint:gosec // no negative numbers
	p.id = session.ID(p.hash[:len(p.id)])
	return p
}

// next sends the next token of the flood.
func (g *guessed) next() {
	g.t.Helper()
	g.sent++
	if _, err := g.v.Verify(g.t.Context(), ownToken(1_000_000+g.sent), client); reasonOf(err) != ReasonUnknown && reasonOf(err) != ReasonAttempts {
		g.t.Fatalf("token %d of the flood: %v", g.sent, err)
	}
	g.clock.Advance(997 * time.Microsecond) // so that nothing comes just when a turn is free
}

func (g *guessed) flood(length time.Duration) {
	g.t.Helper()
	for until := g.clock.Now().Add(length); g.clock.Now().Before(until); {
		g.next()
	}
}

// patient returns after how many tries it is decided on a token that waits as it is told, while the flood goes on.
func (g *guessed) patient(p Presented) (tries int, err error) {
	g.t.Helper()
	for tries = 1; tries <= 20; tries++ {
		if _, err = g.v.Verify(g.t.Context(), p, client); reasonOf(err) != ReasonAttempts {
			return tries, err
		}
		g.flood(turnWait)
	}
	return tries, err
}

// A flood of tokens of Latchkey that do not exist has few looked up, and a good one that was not seen before is looked up when it
// comes again. One that was good is not held off, nor is another address, nor a signed token.
func TestFloodOfUnknown(t *testing.T) {
	g := newGuessed(t)
	for i := range 20 {
		g.few.known[ownToken(i).id] = nil
	}
	if _, err := g.v.Verify(t.Context(), ownToken(0), client); err != nil {
		t.Fatal(err)
	}
	const seconds = 5
	before := g.few.asked
	g.flood(seconds * time.Second)
	// A third of a wrong token a second is still looked up as if the address did not guess.
	if n, most := g.few.asked-before, wrongTokens.N+seconds+(seconds+1)*turnsOfAddress.N; n > most {
		t.Errorf("%d look-ups of %d, at most %d were to be", n, g.sent, most)
	}
	for i := 1; i <= 3; i++ {
		if n, err := g.patient(ownToken(i)); err != nil || n > 2 {
			t.Errorf("a good token behind the same address: %v after %d tries", err, n)
		}
	}
	g.flood(20 * time.Millisecond)
	if _, err := g.v.Verify(t.Context(), ownToken(0), client); err != nil {
		t.Errorf("one that was good before: %v", err)
	}
	if _, err := g.v.Verify(t.Context(), ownToken(4), netip.MustParseAddr("192.0.2.2")); err != nil {
		t.Errorf("a good one of another address: %v", err)
	}
	if _, err := g.verify(g.token(nil)); err != nil {
		t.Errorf("a signed one of the same address: %v", err)
	}
}

// Whatever is said of a token ends its wait; while the store does not answer it has not waited in vain.
func TestTurnOfAnOwnToken(t *testing.T) {
	for name, tt := range map[string]struct {
		is   error
		want string
	}{
		"good": {nil, ""}, "ended": {session.ErrExpired, ReasonExpired}, "revoked": {session.ErrRevoked, ReasonRevoked},
		"stale": {apitoken.ErrStale, ReasonStale},
	} {
		g := newGuessed(t)
		g.flood(1500 * time.Millisecond)
		p := ownToken(7)
		g.few.known[p.id] = tt.is
		if _, err := g.v.Verify(t.Context(), p, client); reasonOf(err) != ReasonAttempts {
			t.Fatalf("%s: at first %v", name, err)
		}
		g.flood(turnWait)
		g.few.away = true
		if _, err := g.v.Verify(t.Context(), p, client); err == nil || reasonOf(err) != "" {
			t.Errorf("%s: while the store is away: %v", name, err)
		}
		g.few.away = false
		g.next()
		if _, err := g.v.Verify(t.Context(), p, client); reasonOf(err) != tt.want || (err == nil) != (tt.is == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if n := g.v.Guesses.turns.waited(p.hash, g.clock.Now().Add(turnWait)); n != 0 {
			t.Errorf("%s: after its turn it has waited %d times", name, n)
		}
	}
}
