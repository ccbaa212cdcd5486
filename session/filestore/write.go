package filestore

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// write is the change of one caller. The writer runs apply, which returns a refusal (and has written nothing) or a
// failure of the file. done is closed when the result is on the disk.
type write struct {
	ctx   context.Context
	apply func(records, *session.Entry) error
	// patient: the write may wait for another one to share its sync.
	patient bool
	done    chan struct{}
	entry   session.Entry
	err     error
}

// update passes a change to the writer and waits for the disk. If the caller's context ends first, the caller gets
// ErrUnavailable, and it is unknown whether the change was made, as with any store that answers too late.
func (s *Store) update(ctx context.Context, apply func(records, *session.Entry) error) (session.Entry, error) {
	return s.submit(&write{ctx: ctx, apply: apply, done: make(chan struct{})})
}

func (s *Store) submit(w *write) (session.Entry, error) {
	ctx := w.ctx
	if s.closed.Load() {
		return session.Entry{}, session.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return session.Entry{}, unavailable(err)
	}
	select {
	case s.writes <- w:
	case <-s.stopped:
		return session.Entry{}, session.ErrClosed
	case <-ctx.Done():
		return session.Entry{}, unavailable(ctx.Err())
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		return session.Entry{}, unavailable(ctx.Err())
	}
	if err := s.answer(w.err); err != nil {
		return session.Entry{}, err
	}
	return w.entry, nil
}

// writer is the only goroutine that writes. Writes that arrive during a sync, or right after one that several shared,
// share the next: a sync costs more than the rest of a write. A single write does not wait, and neither does the next. A
// patient one waits for any other.
func (s *Store) writer(sweepEvery time.Duration) {
	defer close(s.stopped)
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	always := make(chan struct{})
	close(always)
	patience := time.NewTimer(0)
	defer patience.Stop()
	defer s.drainTimer.Stop()
	var patient []*write   // wait for another write, until patience ends
	var more chan struct{} // ready while a sweep has more work; writers run in between
	for {
		select {
		case <-s.stop:
			s.commit(patient)
			s.err = s.settle()
			return
		case m := <-s.drained:
			s.thawed(m)
		case <-s.drainTimer.C:
			s.freeze()
		case w := <-s.writes:
			if w.patient && len(patient) < commitBatch {
				if patient = append(patient, w); len(patient) == 1 {
					patience.Reset(commitPatience)
				}
				continue
			}
			batch := s.gather(w, pause.C)
			s.commit(append(patient, batch...))
			patient = nil
			pause.Reset(pauseAfter(batch))
		case <-patience.C:
			s.commit(patient)
			patient = nil
		case <-ticker.C:
			more = always
		case <-more:
			if n, err := s.sweep(); err != nil || n < sweepBatch {
				more = nil
			}
		}
	}
}

// pauseAfter returns the pause after a sync that these writes have shared. The write after a single one is probably of the
// same user, and no other waits to share it.
func pauseAfter(batch []*write) time.Duration {
	users := 0
	for _, w := range batch {
		if !w.patient {
			users++
		}
	}
	if users > 1 {
		return commitPause
	}
	return 0
}

// gather collects writes until the pause is over, and then all that are waiting.
func (s *Store) gather(first *write, pause <-chan time.Time) []*write {
	batch := []*write{first}
	for over := false; len(batch) < commitBatch; {
		if over {
			select {
			case w := <-s.writes:
				batch = append(batch, w)
				continue
			default:
				return batch
			}
		}
		select {
		case w := <-s.writes:
			batch = append(batch, w)
		case <-pause:
			over = true
		}
	}
	return batch
}

// commit makes a batch of changes in one transaction. If the transaction fails, each change is tried alone, so that one
// failing change does not affect the others.
func (s *Store) commit(batch []*write) {
	if len(batch) == 0 {
		return
	}
	err := s.transact(func(r records) (bool, error) {
		wrote := false
		for _, w := range batch {
			if w.err = w.ctx.Err(); w.err != nil {
				continue
			}
			w.err = w.apply(r, &w.entry)
			if w.err != nil && !errors.As(w.err, new(refusal)) {
				return false, w.err
			}
			wrote = wrote || w.err == nil
		}
		return wrote, nil
	})
	if err != nil && len(batch) > 1 {
		for _, w := range batch {
			s.commit([]*write{w})
		}
		return
	}
	for _, w := range batch {
		if err != nil {
			w.err = err
		}
		close(w.done)
	}
}

var errNothing = errors.New("nothing to write")

// transact makes one batch of changes and syncs it. Without a change nothing is written or synced. What fails leaves
// nothing behind.
func (d *disk) transact(do func(records) (wrote bool, err error)) error {
	if err := d.Failure(); err != nil {
		return err
	}
	d.makeRoom()
	active := d.layers.Load().active
	number, passed, err := d.try(do)
	if err != nil {
		active.discard()
	}
	switch {
	case errors.Is(err, errNothing):
		return nil
	case errors.As(err, new(crash)):
		d.broken.Store(true)
	case d.log.Broken():
		d.fail(err)
	}
	if err != nil {
		return err
	}
	if active.size() == 0 {
		d.drainTimer.Reset(d.drainEvery)
	}
	d.proven = true
	active.publish(number)
	d.published.Store(number) // readers see it from here on
	if d.full() || passed >= manyDeleted {
		d.freeze()
	}
	return nil
}

// try makes the changes and writes them to the log. passed is how many deleted keys were in the way.
func (d *disk) try(do func(records) (wrote bool, err error)) (number uint64, passed int, err error) {
	var written []change
	err = guard(func() error {
		return d.look(true, func(r records) error {
			r.written = d.written[:0]
			wrote, err := do(r)
			if written, passed = r.written, r.passed; err == nil && (!wrote || len(written) == 0) {
				err = errNothing
			}
			return err
		})
	})
	if err != nil {
		return 0, 0, err
	}
	if d.stuck != nil && d.crowded(written) {
		return 0, 0, d.stuck
	}
	number, err = d.append(written)
	clear(written)
	if d.written = written; cap(written) > keptChanges {
		d.written = nil
	}
	return number, passed, err
}
