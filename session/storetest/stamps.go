package storetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// A stamp is that of the entry that Get returns, however short its value is.
func testStamp(t *testing.T, s Subject) {
	stamps, ok := s.Store.(session.Stamps)
	if !ok {
		return // the ability is optional
	}
	same := func(k session.Key) session.Stamp {
		t.Helper()
		e := s.get(t, k)
		got, err := stamps.Stamp(ctx, k)
		is(t, "stamp", err, nil)
		if got != e.Stamp() {
			t.Fatalf("%s: %x, want %x of %q", k, got, e.Stamp(), e.Value)
		}
		return got
	}
	seen := map[session.Stamp]string{}
	for _, value := range []string{"", "a", "0123456789abcd", "0123456789abcde", "0123456789abcde and more", strings.Repeat("x", session.MaxValue)} {
		k := key(label("stamp", len(value)))
		s.create(t, s.entry(k, value))
		seen[same(k)] = value
	}
	if len(seen) != 5 { // two of them begin alike
		t.Errorf("%d stamps", len(seen))
	}
	k := key(label("stamp", 1))
	first := same(k)
	e := s.entry(k, "a")
	e.Version = 1
	_, err := s.Twin.Replace(ctx, e)
	is(t, "replace", err, nil)
	if again := same(k); again == first || again.Version != 2 {
		t.Errorf("written again: %+v after %+v", again, first)
	}
	_, err = s.Twin.Remove(ctx, k)
	is(t, "remove", err, nil)
	_, err = stamps.Stamp(ctx, k)
	is(t, "removed", err, session.ErrNotFound)
	_, err = stamps.Stamp(ctx, "s:never")
	is(t, "never", err, session.ErrNotFound)
	_, err = stamps.Stamp(ctx, "no key")
	refused(t, "no key", err)
	s.Advance(2 * time.Hour)
	_, err = stamps.Stamp(ctx, key(label("stamp", 0)))
	is(t, "expired", err, session.ErrNotFound)
}

// The promise of strict mode: what a replica has written before a call began is seen by the call, however many calls are
// answered together.
func testRaceStamp(t *testing.T, s Subject) {
	stamps, ok := s.Store.(session.Stamps)
	if !ok {
		return // the ability is optional
	}
	const each = 30
	begin := make(chan struct{})
	var ready, others sync.WaitGroup
	defer others.Wait()
	stop := make(chan struct{})
	defer close(stop)
	s.create(t, s.entry(key("busy"), "busy"))
	for range racers { // so that calls are answered together
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				busy, cancel := context.WithTimeout(ctx, time.Minute)
				_, err := stamps.Stamp(busy, key("busy"))
				cancel()
				if err != nil {
					t.Errorf("busy: %v", err)
					return
				}
			}
		})
	}
	var all sync.WaitGroup
	for i := range racers {
		ready.Add(1)
		all.Go(func() {
			ready.Done()
			<-begin
			for n := range each {
				k := key(label(label("race", i), n))
				if err := s.Twin.Create(ctx, s.entry(k, "value")); err != nil {
					t.Errorf("create: %v", err)
					return
				}
				for version := uint64(1); version < 3; version++ {
					if got, err := stamps.Stamp(ctx, k); err != nil || got.Version != version {
						t.Errorf("written before the call: version %d, %v, want version %d", got.Version, err, version)
						return
					}
					e := s.entry(k, "value")
					e.Version = version
					if _, err := s.Twin.Replace(ctx, e); err != nil {
						t.Errorf("replace: %v", err)
						return
					}
				}
				if _, err := s.Twin.Remove(ctx, k); err != nil {
					t.Errorf("remove: %v", err)
					return
				}
				_, err := stamps.Stamp(ctx, k)
				if !errors.Is(err, session.ErrNotFound) {
					t.Errorf("removed before the call: %v", err)
					return
				}
			}
		})
	}
	ready.Wait()
	close(begin)
	all.Wait()
}
