package filestore

import (
	"bytes"
	"context"
	"slices"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

var _ journal.Journal = (*Store)(nil)

// unchanged is the result of a write that had nothing to do.
var unchanged = refusal{nil}

// Append adds the values and returns when they are on the disk. A patient batch waits for a moment for another write.
func (s *Store) Append(ctx context.Context, stream string, b journal.Batch) error {
	values := make([][]byte, len(b.Values)) // the caller may return early and reuse its slices
	for i, v := range b.Values {
		values[i] = bytes.Clone(v)
	}
	b.Values, b.Owners = values, slices.Clone(b.Owners)
	_, err := s.submit(&write{ctx: ctx, patient: b.Patient, done: make(chan struct{}), apply: func(r records, _ *session.Entry) error {
		now := s.now()
		if err := journal.CheckBatch(stream, b, now); err != nil {
			return refusal{err}
		}
		return r.journals().add(stream, b, millis(now))
	}})
	return err
}

// Before reads a stream backwards.
func (s *Store) Before(ctx context.Context, stream string, p journal.Position, limit int) ([]journal.Entry, error) {
	return s.readStream(ctx, stream, p, limit, journals.before)
}

// After reads a stream forwards.
func (s *Store) After(ctx context.Context, stream string, p journal.Position, limit int) ([]journal.Entry, error) {
	return s.readStream(ctx, stream, p, limit, journals.after)
}

func (s *Store) readStream(
	ctx context.Context, stream string, p journal.Position, limit int,
	read func(journals, string, journal.Position, int) ([]journal.Entry, error),
) (found []journal.Entry, err error) {
	err = s.viewStream(ctx, stream, journal.CheckRead(stream, limit), func(j journals, _ state) error {
		var err error
		found, err = read(j, stream, p, limit)
		return err
	})
	return found, err
}

// Len returns how many entries a stream has.
func (s *Store) Len(ctx context.Context, stream string) (n int, err error) {
	err = s.viewStream(ctx, stream, journal.CheckStream(stream), func(_ journals, st state) error {
		n = int(st.count) //nolint:gosec // as many as fit in a file
		return nil
	})
	return n, err
}

// viewStream reads a stream; read is not called for one that does not exist or has ended.
func (s *Store) viewStream(ctx context.Context, stream string, bad error, read func(journals, state) error) error {
	return s.view(ctx, func(r records) error {
		if bad != nil {
			return refusal{bad}
		}
		j := r.journals()
		st, err := j.state(stream)
		if err != nil || st.until <= millis(s.now()) {
			return err
		}
		return read(j, st)
	})
}

// Trim removes the oldest entries of a stream, at most sweepBatch of them.
func (s *Store) Trim(ctx context.Context, stream string, keep int) (removed int, err error) {
	out, err := s.update(ctx, func(r records, out *session.Entry) error {
		if err := journal.CheckTrim(stream, keep); err != nil {
			return refusal{err}
		}
		j := r.journals()
		st, err := j.state(stream)
		if err != nil {
			return err
		}
		if st.count <= uint64(keep) { //nolint:gosec // not negative
			return unchanged
		}
		n, err := j.drop(stream, &st, min(sweepBatch, int(st.count)-keep)) //nolint:gosec // as many as fit in a file
		out.Version = uint64(n)                                            //nolint:gosec // the one number that an answer carries
		return err
	})
	return int(out.Version), err //nolint:gosec // at most sweepBatch
}
