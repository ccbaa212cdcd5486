package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// methods calls every method of a store, each on an existing entry or index.
func (s Subject) methods(ctx context.Context) map[string]func() error {
	until := s.Now().Add(time.Hour)
	methods := map[string]func() error{
		"create":  func() error { return s.Store.Create(ctx, s.entry(key("new"), "new")) },
		"get":     func() error { _, err := s.Store.Get(ctx, key("one")); return err },
		"get all": func() error { _, err := s.Store.GetAll(ctx, key("one"), key("none")); return err },
		"create, listed": func() error {
			return s.Store.Create(ctx, s.entry(key("listed"), "new"), session.Listing{Index: "u:a", Member: "s:3", Until: until})
		},
		"absent": func() error { _, err := s.Store.Get(ctx, key("none")); return err },
		"replace": func() error {
			e := s.entry(key("one"), "2")
			e.Version = 1
			_, err := s.Store.Replace(ctx, e)
			return err
		},
		"remove":  func() error { _, err := s.Store.Remove(ctx, key("one")); return err },
		"enlist":  func() error { return s.Store.Enlist(ctx, "u:a", "s:2", until) },
		"members": func() error { _, err := s.Store.Members(ctx, "u:a", time.Time{}, 10); return err },
		"nobody":  func() error { _, err := s.Store.Members(ctx, "u:none", time.Time{}, 10); return err },
		"delist":  func() error { return s.Store.Delist(ctx, "u:a", "s:1") },
		"ping":    func() error { return s.Store.Ping(ctx) },
		"step": func() error {
			_, err := s.Store.Apply(ctx, session.Step{Take: key("one"), Create: s.entry(key("new"), "new")})
			return err
		},
	}
	if stamps, ok := s.Store.(session.Stamps); ok {
		methods["stamp"] = func() error { _, err := stamps.Stamp(ctx, key("one")); return err }
		methods["no stamp"] = func() error { _, err := stamps.Stamp(ctx, key("none")); return err }
	}
	return methods
}

// No user is signed out by accident: a cancelled request says nothing about the entry.
func testCancelledContext(t *testing.T, s Subject) {
	s.create(t, s.entry(key("one"), "1"))
	s.enlist(t, "u:a", "s:1", s.Now().Add(time.Hour))
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	late, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
	defer cancel()
	for name, call := range s.methods(cancelled) {
		is(t, name+", cancelled", call(), session.ErrUnavailable)
	}
	for name, call := range s.methods(late) {
		is(t, name+", too late", call(), session.ErrUnavailable)
	}
	if got := s.get(t, key("one")); string(got.Value) != "1" || got.Version != 1 {
		t.Fatalf("a cancelled call wrote: %+v", got)
	}
	s.members(t, "u:a", time.Time{}, 10, "s:1")
	_, err := s.Store.Get(ctx, key("new"))
	is(t, "get", err, session.ErrNotFound)
	is(t, "ping", s.Store.Ping(ctx), nil)
}

func testClosed(t *testing.T, s Subject) {
	s.create(t, s.entry(key("one"), "1"))
	s.enlist(t, "u:a", "s:1", s.Now().Add(time.Hour))
	is(t, "close", s.Store.Close(), nil)
	is(t, "close twice", s.Store.Close(), nil)
	for name, call := range s.methods(ctx) {
		is(t, name, call(), session.ErrClosed)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	is(t, "closed and cancelled", s.Store.Ping(cancelled), session.ErrClosed)
}

// A reload closes a store during old requests: each of them gets an answer, which is never "not found".
func testClosedWhileBusy(t *testing.T, s Subject) {
	s.create(t, s.entry(key("one"), "1"))
	busy, closed := make(chan struct{}, racers), make(chan struct{})
	var wg sync.WaitGroup
	errs := make([]error, racers)
	for i := range racers {
		wg.Go(func() {
			for n := 0; errs[i] == nil; n++ {
				late := false
				select {
				case <-closed:
					late = true
				case busy <- struct{}{}:
				default:
				}
				_, errs[i] = s.Store.Get(ctx, key("one"))
				if errs[i] == nil && i%2 == 0 {
					errs[i] = s.Store.Create(ctx, s.entry(key(label(label("busy", i), n)), "x"))
				}
				if errs[i] == nil && late {
					errs[i] = errors.New("works on after it was closed")
				}
			}
		})
	}
	<-busy
	is(t, "close", s.Store.Close(), nil)
	close(closed)
	wg.Wait()
	for _, err := range errs {
		if !errors.Is(err, session.ErrClosed) {
			t.Fatalf("a store closed under a request answers %v, want %v", err, session.ErrClosed)
		}
	}
}
