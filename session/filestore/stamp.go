package filestore

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/latchkey-gateway/latchkey/session"
)

var _ session.Stamps = (*Store)(nil)

// Stamp reads the beginning of an entry, and copies no record.
func (s *Store) Stamp(ctx context.Context, key session.Key) (st session.Stamp, err error) {
	if s.closed.Load() {
		return st, session.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return st, unavailable(err)
	}
	if err := session.CheckKey(key); err != nil {
		return st, err
	}
	found, now := false, millis(s.now())
	err = s.answer(guard(func() error {
		return s.look(false, func(r records) error {
			data := r.entries.Get([]byte(key))
			switch {
			case data == nil:
				return nil
			case len(data) < headerSize:
				return fmt.Errorf("%w: entry of %d bytes", ErrDamaged, len(data))
			case binary.BigEndian.Uint64(data[8:]) <= now:
				return nil
			}
			found, st.Version = true, binary.BigEndian.Uint64(data)
			copy(st.Head[:], data[headerSize:])
			return nil
		})
	}))
	if err == nil && !found {
		err = session.ErrNotFound
	}
	return st, err
}
