package filestore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/latchkey-gateway/latchkey/session"
)

// Store is a session.Store in a file. It is safe for concurrent use by one process.
type Store struct {
	disk
	now func() time.Time

	writes  chan *write
	stop    chan struct{} // closed by Close
	stopped chan struct{} // closed by the writer after the last result
	closing sync.Once
	closed  atomic.Bool
	feed    session.LocalFeed
	err     error // of Close
}

var _ session.Store = (*Store)(nil)

// Open opens or creates the file. It returns ErrLocked within about a second if the file is in use, ErrDamaged if it is
// not a session file, and the file system's error if it cannot be opened; every error contains the path. The store runs
// a goroutine until Close.
func Open(cfg Config) (*Store, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.SweepEvery <= 0 {
		cfg.SweepEvery = defaultSweep
	}
	s := &Store{
		now:     cfg.Now,
		writes:  make(chan *write),
		stop:    make(chan struct{}),
		stopped: make(chan struct{}),
	}
	s.prepare(cfg.Path, cfg.OnFailure)
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("session file %s: %w", cfg.Path, err)
	}
	go s.drainer()
	go s.writer(cfg.SweepEvery)
	return s, nil
}

// Get returns the entry, from memory mapped to the file. It never waits for a writer.
func (s *Store) Get(ctx context.Context, key session.Key) (session.Entry, error) {
	var (
		found session.Entry
		ok    bool
	)
	err := s.view(ctx, func(r records) error {
		if err := session.CheckKey(key); err != nil {
			return refusal{err}
		}
		var err error
		found, ok, err = r.entry(key, millis(s.now()))
		return err
	})
	if err == nil && !ok {
		err = session.ErrNotFound
	}
	return found, err
}

// GetAll returns the entries that exist.
func (s *Store) GetAll(ctx context.Context, keys ...session.Key) (found []session.Entry, err error) {
	err = s.view(ctx, func(r records) error {
		now := millis(s.now())
		for _, key := range keys {
			if err := session.CheckKey(key); err != nil {
				return refusal{err}
			}
			e, ok, err := r.entry(key, now)
			if err != nil {
				return err
			}
			if ok {
				found = append(found, e)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Replace writes an entry that exists in the given version, and returns when it is on the disk.
func (s *Store) Replace(ctx context.Context, e session.Entry) (uint64, error) {
	next := e
	next.Version++
	data := encode(next)
	e.Value = data[headerSize:]
	written, err := s.update(ctx, func(r records, out *session.Entry) error {
		now := s.now()
		if err := session.CheckEntry(e, now); err != nil {
			return refusal{err}
		}
		old, live, err := r.lookUp(e.Key, millis(now))
		switch {
		case err != nil:
			return err
		case !live:
			return refusal{session.ErrNotFound}
		case binary.BigEndian.Uint64(old) != e.Version:
			return refusal{session.ErrConflict}
		}
		out.Version = next.Version
		return r.putEntry(e.Key, data, old)
	})
	return written.Version, err
}

// Remove deletes an entry with its listings and returns when that is on the disk.
func (s *Store) Remove(ctx context.Context, key session.Key, from ...session.Listing) (session.Entry, error) {
	found := false
	removed, err := s.update(ctx, func(r records, out *session.Entry) error {
		if err := session.CheckKey(key); err != nil {
			return refusal{err}
		}
		old, live, err := r.lookUp(key, millis(s.now()))
		if err != nil {
			return err
		}
		if !live && len(from) == 0 {
			return refusal{session.ErrNotFound}
		}
		for _, l := range from {
			if err := r.deleteMember(l.Index, l.Member); err != nil {
				return err
			}
		}
		if found = live; !live {
			return nil
		}
		*out = decode(key, old)
		return r.deleteEntry(key, old)
	})
	if err == nil && !found {
		err = session.ErrNotFound
	}
	return removed, err
}

// Enlist adds a member to an index and returns when it is on the disk.
func (s *Store) Enlist(ctx context.Context, index, member session.Key, until time.Time) error {
	_, err := s.update(ctx, func(r records, _ *session.Entry) error {
		now, in := s.now(), []session.Listing{{Index: index, Member: member, Until: until}}
		if err := session.CheckListings(in, now); err != nil {
			return refusal{err}
		}
		return r.list(in, now)
	})
	return err
}

// Members lists an index. Members with the same time are sorted by name.
func (s *Store) Members(ctx context.Context, index session.Key, before time.Time, limit int) (keys []session.Key, err error) {
	err = s.view(ctx, func(r records) error {
		if err := session.CheckKey(index); err != nil {
			return refusal{err}
		}
		keys = r.listed(index, millis(s.now()), before, limit)
		return nil
	})
	return keys, err
}

// Delist removes members from an index and returns when that is on the disk.
func (s *Store) Delist(ctx context.Context, index session.Key, members ...session.Key) error {
	_, err := s.update(ctx, func(r records, _ *session.Entry) error {
		for _, key := range append([]session.Key{index}, members...) {
			if err := session.CheckKey(key); err != nil {
				return refusal{err}
			}
		}
		for _, member := range members {
			if err := r.deleteMember(index, member); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// Ping checks whether the file can still be read, and whether writes are taken.
func (s *Store) Ping(ctx context.Context) error {
	return s.view(ctx, func(r records) error { return errors.Join(r.check(), s.Failure()) })
}

// Close waits for the writes in progress, returns ErrClosed to all others and releases the file.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.closed.Store(true)
		close(s.stop)
		<-s.stopped
		if s.broken.Load() {
			// A write that found damage may have left the database's own lock taken; its Close would wait for ever.
			s.err = errors.Join(s.err, release(s.file))
			return
		}
		s.err = errors.Join(s.err, s.db.Close())
	})
	if s.err != nil {
		return fmt.Errorf("closing session file %s: %w", s.path, s.err)
	}
	return nil
}

// refusal is a result about the entry or the arguments, in contrast to a failure of the file.
type refusal struct{ error }

// view runs a read in the caller's goroutine.
func (s *Store) view(ctx context.Context, read func(records) error) error {
	if s.closed.Load() {
		return session.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return unavailable(err)
	}
	return s.answer(guard(func() error {
		return s.look(false, read)
	}))
}

// answer converts the result of a transaction to an error of the contract.
func (s *Store) answer(err error) error {
	var no refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &no):
		return no.error
	case s.closed.Load() || errors.Is(err, bolterrors.ErrDatabaseNotOpen):
		return session.ErrClosed
	default:
		return unavailable(fmt.Errorf("session file %s: %w", s.path, err))
	}
}

func unavailable(reason error) error {
	return fmt.Errorf("%w: %w", session.ErrUnavailable, reason)
}
