package storetest

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// Interrupted is a store whose calls a test can make fail one by one.
type Interrupted struct {
	session.Store
	before atomic.Pointer[func(ctx context.Context, op string, key session.Key) error]
}

// Interrupt makes each call first call before, and fail with its error. op is the name of the method in lower case; for
// each listing of Create it is "enlist". Nil ends it.
func (s *Interrupted) Interrupt(before func(ctx context.Context, op string, key session.Key) error) {
	if before == nil {
		s.before.Store(nil)
		return
	}
	s.before.Store(&before)
}

func (s *Interrupted) ask(ctx context.Context, op string, key session.Key) error {
	if before := s.before.Load(); before != nil {
		return (*before)(ctx, op, key)
	}
	return nil
}

// Create implements session.Entries.
func (s *Interrupted) Create(ctx context.Context, e session.Entry, in ...session.Listing) error {
	if err := s.ask(ctx, "create", e.Key); err != nil {
		return err
	}
	for _, l := range in {
		if err := s.ask(ctx, "enlist", l.Index); err != nil {
			_ = s.Store.Create(ctx, e) // the entry may remain, as session.Entries says
			return err
		}
	}
	return s.Store.Create(ctx, e, in...)
}

// Get implements session.Entries.
func (s *Interrupted) Get(ctx context.Context, key session.Key) (session.Entry, error) {
	if err := s.ask(ctx, "get", key); err != nil {
		return session.Entry{}, err
	}
	return s.Store.Get(ctx, key)
}

// Replace implements session.Entries.
func (s *Interrupted) Replace(ctx context.Context, e session.Entry) (uint64, error) {
	if err := s.ask(ctx, "replace", e.Key); err != nil {
		return 0, err
	}
	return s.Store.Replace(ctx, e)
}

// Remove implements session.Entries.
func (s *Interrupted) Remove(ctx context.Context, key session.Key, from ...session.Listing) (session.Entry, error) {
	if err := s.ask(ctx, "remove", key); err != nil {
		return session.Entry{}, err
	}
	return s.Store.Remove(ctx, key, from...)
}

// Members implements session.Indexes.
func (s *Interrupted) Members(ctx context.Context, index session.Key, before time.Time, limit int) ([]session.Key, error) {
	if err := s.ask(ctx, "members", index); err != nil {
		return nil, err
	}
	return s.Store.Members(ctx, index, before, limit)
}

// Apply implements session.Steps, by the calls above.
func (s *Interrupted) Apply(ctx context.Context, st session.Step) (session.Outcome, error) {
	return session.InTurn(ctx, s, st)
}
