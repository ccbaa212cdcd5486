package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// Subject is one store under test with its clock.
type Subject struct {
	// Store is new and empty. The suite closes it.
	Store session.Store
	// Twin is a second replica of the same data, as another gateway would open it; nil if a store has only one. Its
	// creator closes it.
	Twin session.Store
	// Now is the store's clock. It may run, but only by some seconds in a test.
	Now func() time.Time
	// Advance advances the store's clock.
	Advance func(d time.Duration)
}

// Run tests a store against the contract. open is called for every test; what it opens must not share entries with an
// earlier call.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for _, test := range suite {
		t.Run(test.name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() { _ = s.Store.Close() })
			if s.Twin == nil {
				s.Twin = s.Store
			}
			test.run(t, s)
		})
	}
}

var suite = []struct {
	name string
	run  func(t *testing.T, s Subject)
}{
	{"CreateAndGet", testCreateAndGet},
	{"CreateConflict", testCreateConflict},
	{"Replace", testReplace},
	{"ReplaceConflict", testReplaceConflict},
	{"Remove", testRemove},
	{"ReplaceNeverRevives", testReplaceNeverRevives},
	{"Expiry", testExpiry},
	{"ReplaceMovesExpiry", testReplaceMovesExpiry},
	{"NoEntryWithoutEnd", testNoEntryWithoutEnd},
	{"FarExpiry", testFarExpiry},
	{"Sizes", testSizes},
	{"SizesProperty", testSizesProperty},
	{"Binary", testBinary},
	{"Keys", testKeys},
	{"KeysAreApart", testKeysAreApart},
	{"ValuesAreCopied", testValuesAreCopied},
	{"RaceCreate", testRaceCreate},
	{"RaceRemove", testRaceRemove},
	{"RaceReplace", testRaceReplace},
	{"RaceReplaceRemove", testRaceReplaceRemove},
	{"Counter", testCounter},
	{"Twin", testTwin},
	{"IndexOrder", testIndexOrder},
	{"IndexBefore", testIndexBefore},
	{"IndexRelist", testIndexRelist},
	{"IndexExpiry", testIndexExpiry},
	{"IndexLifetime", testIndexLifetime},
	{"IndexDelist", testIndexDelist},
	{"IndexNoMemberWithoutEnd", testIndexNoMemberWithoutEnd},
	{"IndexMany", testIndexMany},
	{"RaceEnlist", testRaceEnlist},
	{"CreateListed", testCreateListed},
	{"CreateListedRefuses", testCreateListedRefuses},
	{"RemoveListed", testRemoveListed},
	{"GetAll", testGetAll},
	{"Stamp", testStamp},
	{"RaceStamp", testRaceStamp},
	{"Step", testStep},
	{"StepLifetime", testStepLifetime},
	{"StepRefuses", testStepRefuses},
	{"RaceStep", testRaceStep},
	{"CancelledContext", testCancelledContext},
	{"Closed", testClosed},
	{"ClosedWhileBusy", testClosedWhileBusy},
	{"Model", testModel},
}

var ctx = context.Background()

// key returns a key of the usual form.
func key(name string) session.Key { return session.Key("s:" + name) }

// entry returns an entry that ends in an hour.
func (s Subject) entry(k session.Key, value string) session.Entry {
	return session.Entry{Key: k, Value: []byte(value), Expires: s.Now().Add(time.Hour)}
}

func (s Subject) create(t *testing.T, e session.Entry) {
	t.Helper()
	if err := s.Store.Create(ctx, e); err != nil {
		t.Fatalf("create %s: %v", e.Key, err)
	}
}

func (s Subject) get(t *testing.T, k session.Key) session.Entry {
	t.Helper()
	e, err := s.Store.Get(ctx, k)
	if err != nil {
		t.Fatalf("get %s: %v", k, err)
	}
	return e
}

// gone checks that no method finds the entry.
func (s Subject) gone(t *testing.T, k session.Key) {
	t.Helper()
	_, err := s.Store.Get(ctx, k)
	is(t, "get", err, session.ErrNotFound)
	_, err = s.Store.Replace(ctx, session.Entry{Key: k, Version: 1, Expires: s.Now().Add(time.Hour)})
	is(t, "replace", err, session.ErrNotFound)
	_, err = s.Store.Remove(ctx, k)
	is(t, "remove", err, session.ErrNotFound)
}

var sentinels = []error{session.ErrNotFound, session.ErrConflict, session.ErrClosed, session.ErrUnavailable}

// is checks that err is the wanted sentinel (nil for none) and no other.
func is(t *testing.T, what string, err, want error) {
	t.Helper()
	if want == nil {
		if err != nil {
			t.Fatalf("%s: %v, want no error", what, err)
		}
		return
	}
	for _, sentinel := range sentinels {
		if errors.Is(err, sentinel) != errors.Is(want, sentinel) {
			t.Fatalf("%s: %v, want %v and nothing else", what, err, want)
		}
	}
}

// refused checks that err is a mistake of the caller: an error, and none of the four sentinels.
func refused(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		t.Fatalf("%s: taken, want an error", what)
	}
	for _, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			t.Fatalf("%s: %v, want an error that is none of the four", what, err)
		}
	}
}

// race runs f in n goroutines that start together, half of them on each replica, and returns their results.
func (s Subject) race(n int, f func(i int, store session.Store) error) []error {
	var (
		start = make(chan struct{})
		errs  = make([]error, n)
		wg    sync.WaitGroup
	)
	for i := range n {
		store := s.Store
		if i%2 == 1 {
			store = s.Twin
		}
		wg.Go(func() {
			<-start
			errs[i] = f(i, store)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// oneWinner checks that exactly one got nil and all others the given sentinel.
func oneWinner(t *testing.T, errs []error, losers error) {
	t.Helper()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		is(t, "loser", err, losers)
	}
	if won != 1 {
		t.Fatalf("%d winners, want exactly one", won)
	}
}

func label(prefix string, i int) string { return fmt.Sprintf("%s%04d", prefix, i) }
