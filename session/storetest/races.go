package storetest

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// rounds and racers are small enough for a store that syncs each write to a disk.
const (
	rounds = 20
	racers = 8
)

// A lease, or a state that may be used once: exactly one of several callers succeeds, over all replicas.
func testRaceCreate(t *testing.T, s Subject) {
	for round := range rounds {
		k := key(label("race", round))
		errs := s.race(racers, func(i int, store session.Store) error {
			return store.Create(ctx, s.entry(k, label("racer", i)))
		})
		oneWinner(t, errs, session.ErrConflict)
		for i, err := range errs {
			if got := s.get(t, k); err == nil && string(got.Value) != label("racer", i) {
				t.Fatalf("racer %d won, the entry says %s", i, got.Value)
			}
		}
	}
}

func testRaceRemove(t *testing.T, s Subject) {
	for round := range rounds {
		k := key(label("race", round))
		s.create(t, s.entry(k, "prize"))
		oneWinner(t, s.race(racers, func(_ int, store session.Store) error {
			e, err := store.Remove(ctx, k)
			if err == nil && string(e.Value) != "prize" {
				return errors.New("removed something else")
			}
			return err
		}), session.ErrNotFound)
		s.gone(t, k)
	}
}

// The lost update: of several writers with the same version one succeeds.
func testRaceReplace(t *testing.T, s Subject) {
	k := key("race")
	s.create(t, s.entry(k, "start"))
	for round := range rounds {
		oneWinner(t, s.race(racers, func(i int, store session.Store) error {
			e := s.entry(k, label("racer", i))
			e.Version = uint64(round) + 1
			_, err := store.Replace(ctx, e)
			return err
		}), session.ErrConflict)
	}
}

// A61: writes in progress while a session is revoked never restore it.
func testRaceReplaceRemove(t *testing.T, s Subject) {
	for round := range rounds {
		k := key(label("race", round))
		s.create(t, s.entry(k, "start"))
		removed := 0
		for i, err := range s.race(racers, func(i int, store session.Store) error {
			if i == racers/2 {
				_, err := store.Remove(ctx, k)
				return err
			}
			e := s.entry(k, label("writer", i))
			for e.Version = 1; e.Version < 4; e.Version++ {
				if _, err := store.Replace(ctx, e); errors.Is(err, session.ErrNotFound) {
					return err
				}
			}
			return nil
		}) {
			if i == racers/2 && err == nil {
				removed++
			}
		}
		if removed != 1 {
			t.Fatal("no caller removed the entry")
		}
		s.gone(t, k)
	}
}

// Compare-and-set implements a counter that loses no increment.
func testCounter(t *testing.T, s Subject) {
	const each = 10
	k := key("counter")
	s.create(t, session.Entry{Key: k, Value: make([]byte, 8), Expires: s.Now().Add(time.Hour)})
	for _, err := range s.race(racers, func(_ int, store session.Store) error {
		for n := 0; n < each; {
			e, err := store.Get(ctx, k)
			if err != nil {
				return err
			}
			binary.BigEndian.PutUint64(e.Value, binary.BigEndian.Uint64(e.Value)+1)
			switch _, err := store.Replace(ctx, e); {
			case err == nil:
				n++
			case !errors.Is(err, session.ErrConflict):
				return err
			}
		}
		return nil
	}) {
		is(t, "count", err, nil)
	}
	got := s.get(t, k)
	if n := binary.BigEndian.Uint64(got.Value); n != racers*each || got.Version != racers*each+1 {
		t.Fatalf("counted %d in version %d, want %d", n, got.Version, racers*each)
	}
}

func testRaceEnlist(t *testing.T, s Subject) {
	until := s.Now().Add(time.Hour)
	for _, err := range s.race(racers, func(i int, store session.Store) error {
		for n := range 5 {
			if err := store.Enlist(ctx, "u:all", key(label("member", i*5+n)), until); err != nil {
				return err
			}
			if err := store.Enlist(ctx, "u:all", key("shared"), until); err != nil {
				return err
			}
		}
		return store.Delist(ctx, "u:all", key(label("member", i*5)))
	}) {
		is(t, "enlist", err, nil)
	}
	got, err := s.Store.Members(ctx, "u:all", time.Time{}, 1000)
	if err != nil || len(got) != racers*4+1 {
		t.Fatalf("%d members, %v, want %d", len(got), err, racers*4+1)
	}
}
