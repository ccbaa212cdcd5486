package bearer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// flooded is a world in which an address sends a thousand tokens a second, each with another wrong signature.
type flooded struct {
	*world
	keys    *counted
	noticed []netip.Addr
	sent    []string
	begin   string
}

func newFlooded(t *testing.T) *flooded {
	f := &flooded{keys: new(counted)}
	f.world = newWorld(t, func(c *Config) {
		f.keys.Keys = c.Issuers[0].Keys
		c.Issuers[0].Keys = f.keys
		c.OnGuesses = func(from netip.Addr) { f.noticed = append(f.noticed, from) }
	})
	token := f.token(nil)
	f.begin = token[:len(token)-20]
	return f
}

// next sends the next token of the flood. With again, every second one is a token that was told to wait a second ago.
func (f *flooded) next(again bool) {
	f.t.Helper()
	i := len(f.sent)
	token := fmt.Sprintf("%s%010dAAAAAAAAAA", f.begin, i)
	if again && i > 1004 && i%2 == 1 {
		token = f.sent[i-1005]
	}
	f.sent = append(f.sent, token)
	if _, err := f.verify(token); reasonOf(err) != ReasonSignature && reasonOf(err) != ReasonAttempts {
		f.t.Fatalf("token %d of the flood: %v", i, err)
	}
	f.clock.Advance(997 * time.Microsecond) // so that nothing comes just when a turn is free
}

// patient returns after how many tries a good token is in that waits as it is told, while the flood goes on.
func (f *flooded) patient(token string, again bool) (tries int) {
	f.t.Helper()
	for tries = 1; tries <= 20; tries++ {
		_, err := f.verify(token)
		if err == nil {
			return tries
		}
		refused, ok := errors.AsType[*Refused](err)
		if !ok || refused.Reason != ReasonAttempts || refused.Wait <= 0 || refused.Code != "" {
			f.t.Fatalf("try %d: %v", tries, err)
		}
		for until := f.clock.Now().Add(refused.Wait); f.clock.Now().Before(until); {
			f.next(again)
		}
	}
	return tries
}

// A flood of wrong signatures has few checked, and a good token that was not seen before is checked when it comes again.
func TestFloodOfForged(t *testing.T) {
	f := newFlooded(t)
	known := f.token(nil)
	if _, err := f.verify(known); err != nil {
		t.Fatal(err)
	}
	const seconds = 5
	before := f.keys.checks
	for range seconds * 1000 {
		f.next(false)
	}
	// A third of a wrong token a second is still checked as if the address did not guess.
	if n, most := f.keys.checks-before, wrongTokens.N+seconds+(seconds+1)*turnsOfAddress.N; n > most {
		t.Errorf("%d checks of %d, at most %d were to be", n, len(f.sent), most)
	}
	for range 3 {
		if n := f.patient(f.token(nil), false); n > 2 {
			t.Errorf("a good token behind the same address is in after %d tries", n)
		}
	}
	if len(f.noticed) != 1 || f.noticed[0] != client {
		t.Errorf("noticed %v", f.noticed)
	}
	if _, err := f.v.Verify(t.Context(), presented(schemeBearer, f.token(map[string]any{"sub": "s-3"})), netip.MustParseAddr("192.0.2.2")); err != nil {
		t.Errorf("a good one of another address: %v", err)
	}
	for until := f.clock.Now().Add(20 * time.Millisecond); f.clock.Now().Before(until); {
		f.next(false)
	}
	f.v.kept.by[presented(schemeBearer, known).hash].until = f.clock.Now() // it must be verified again
	if _, err := f.verify(known); err != nil {
		t.Errorf("one that was good before: %v", err)
	}
}

// A flood whose tokens come again, each after it has waited once, does not get all turns either.
func TestFloodThatWaits(t *testing.T) {
	f := newFlooded(t)
	for range 3000 {
		f.next(true)
	}
	before := f.keys.checks
	all := 0
	for range 3 {
		n := f.patient(f.token(nil), true)
		if n > turnLevels {
			t.Errorf("a good token is in after %d tries", n)
		}
		all += n
	}
	if checks, most := f.keys.checks-before, (all+1)*2*turnsOfAddress.N+turnLevels*turnsOfAddress.N; checks > most {
		t.Errorf("%d checks meanwhile, at most %d were to be", checks, most)
	}
}

// A flood whose tokens all come again, as often as they like, has fewer checked than a hundredth of the time is enough for: a check
// takes up to a quarter of a millisecond.
func TestFloodThatComesAgain(t *testing.T) {
	const (
		pace    = 1000
		again   = 5 // seconds
		seconds = 30
	)
	f := newFlooded(t)
	for i := range (again + seconds) * pace {
		if i == again*pace { // from here on every token has waited
			f.keys.checks = 0
		}
		token := fmt.Sprintf("%s%010dAAAAAAAAAA", f.begin, i%(again*pace))
		if _, err := f.verify(token); reasonOf(err) != ReasonSignature && reasonOf(err) != ReasonAttempts {
			t.Fatalf("request %d: %v", i, err)
		}
		f.clock.Advance(time.Second/pace - 3*time.Microsecond)
	}
	t.Logf("%d checks in %d s", f.keys.checks, seconds)
	// Each way of having waited begins with a second's turns that were not used; a third of a wrong token a second is checked as if
	// the address did not guess.
	if most := 12*(seconds+1) + seconds/3; f.keys.checks > most {
		t.Errorf("%d checks in %d s, at most %d were to be", f.keys.checks, seconds, most)
	}
}

// Sites that share it count together.
func TestGuessesAreShared(t *testing.T) {
	f := newFlooded(t)
	other := newWorld(t, func(c *Config) { c.Guesses = f.v.Guesses })
	for range 50 {
		f.next(false)
	}
	if _, guesses := other.v.Guesses.wrong.Exceeded(client, "", f.clock.Now()); !guesses {
		t.Error("the other site does not know the address")
	}
}

// However many addresses guess, few are told to the log, and each once a minute.
func TestNoticedIsBounded(t *testing.T) {
	g, now := NewGuesses(), time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	flood := func() (n int) {
		for i := range uint32(1000) {
			var a [4]byte
			binary.BigEndian.PutUint32(a[:], 0x0a000000+i)
			for range 2 {
				if g.notice(netip.AddrFrom4(a), now) {
					n++
				}
			}
		}
		return n
	}
	for minute := range 3 {
		if n := flood(); n != maxNoticed {
			t.Errorf("minute %d: %d are noticed", minute, n)
		}
		now = now.Add(noticeEvery)
	}
}

// A token whose turn ends without a check, because too many wait or its issuer does not answer, has not waited in vain.
func TestTurnWithoutACheck(t *testing.T) {
	for name, busy := range map[string]func(*flooded, bool){
		"too many wait": func(f *flooded, now bool) { f.v.Guesses.slow.waiting.Store(map[bool]int32{true: maxSlow}[now]) },
		"no keys":       func(f *flooded, now bool) { f.keys.away = now },
	} {
		f := newFlooded(t)
		for range 1500 {
			f.next(false)
		}
		token := f.token(nil)
		if _, err := f.verify(token); reasonOf(err) != ReasonAttempts {
			t.Fatalf("%s: at first %v", name, err)
		}
		for until := f.clock.Now().Add(turnWait); f.clock.Now().Before(until); {
			f.next(false)
		}
		busy(f, true)
		if _, err := f.verify(token); err == nil {
			t.Errorf("%s: it is checked", name)
		}
		busy(f, false)
		f.next(false)
		if _, err := f.verify(token); err != nil {
			t.Errorf("%s: after that %v", name, err)
		}
	}
}
