package filestore

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// Create writes a new entry with its listings, all or nothing, and returns when they are on the disk.
func (s *Store) Create(ctx context.Context, e session.Entry, in ...session.Listing) error {
	if s.closed.Load() {
		return session.ErrClosed
	}
	if err := session.CheckKey(e.Key); err != nil {
		return err // a step without a key creates nothing
	}
	_, err := s.Apply(ctx, session.Step{Create: e, In: in})
	return err
}

// Apply executes a step in one transaction, and returns when it is on the disk.
func (s *Store) Apply(ctx context.Context, st session.Step) (session.Outcome, error) {
	// A caller that returns early may reuse its slices before the writer has read them.
	data := encode(session.Entry{Value: st.Create.Value, Version: 1, Expires: st.Create.Expires})
	st.Create.Value = data[headerSize:]
	st.From, st.In, st.Read = slices.Clone(st.From), slices.Clone(st.In), slices.Clone(st.Read)
	result := make(chan stepResult, 1)
	_, err := s.update(ctx, func(r records, _ *session.Entry) error {
		now := s.now()
		if err := session.CheckStep(st, now); err != nil {
			return refusal{err}
		}
		one, err := r.step(st, data, now)
		select {
		case <-result: // of an earlier try of the same step, which failed
		default:
		}
		result <- one
		return err
	})
	if err != nil {
		return session.Outcome{}, err
	}
	one := <-result
	return one.done, one.err
}

// stepResult is what came of a step. err is set for one that was executed in part: what it took is written.
type stepResult struct {
	done session.Outcome
	err  error
}

// step executes a step in which data is the new entry as it is in the file.
func (r records) step(st session.Step, data []byte, now time.Time) (one stepResult, err error) {
	if st.Take != "" {
		for _, l := range st.From {
			if err := r.deleteMember(l.Index, l.Member); err != nil {
				return one, err
			}
		}
		old, live, err := r.lookUp(st.Take, millis(now))
		switch {
		case err != nil:
			return one, err
		case !live && len(st.From) == 0:
			return one, refusal{session.ErrNotFound}
		case !live:
			return stepResult{err: session.ErrNotFound}, nil
		}
		if err := r.deleteEntry(st.Take, old); err != nil {
			return one, err
		}
	}
	if e := st.Create; e.Key != "" {
		old, live, err := r.lookUp(e.Key, millis(now))
		switch {
		case err != nil:
			return one, err
		case live && st.Take == "":
			return one, refusal{session.ErrConflict}
		case live:
			return stepResult{err: session.ErrConflict}, nil
		}
		if err := r.putEntry(e.Key, data, old); err != nil {
			return one, err
		}
		if err := r.list(st.In, now); err != nil {
			return one, err
		}
	}
	for _, key := range st.Read {
		e, ok, err := r.entry(key, millis(now))
		if err != nil {
			return one, err
		}
		if ok {
			one.done.Entries = append(one.done.Entries, e)
		}
	}
	if st.List != "" {
		for _, m := range r.listed(st.List, millis(now), time.Time{}, math.MaxInt32) {
			if strings.HasPrefix(string(m), st.Tag) {
				one.done.Members = append(one.done.Members, m)
			}
		}
	}
	return one, nil
}
