package filestore

import (
	"bytes"
	"encoding/binary"

	"github.com/latchkey-gateway/latchkey/session"
)

// sweep removes expired records and journal entries, at most sweepBatch of them, and returns how many it processed. It
// runs in the writer's goroutine.
func (s *Store) sweep() (n int, err error) {
	now := millis(s.now())
	err = s.transact(func(r records) (bool, error) {
		n = 0
		var dead [][]byte
		c := r.ends.Cursor().Until(stamp(now + 1))
		for k, _ := c.First(); k != nil && len(dead) < sweepBatch; k, _ = c.Next() {
			if len(k) < stampSize+2 {
				return false, ErrDamaged
			}
			if binary.BigEndian.Uint64(k) > now {
				break
			}
			dead = append(dead, bytes.Clone(k))
		}
		for _, k := range dead {
			if err := r.bury(k); err != nil {
				return false, err
			}
		}
		entries, err := r.sweepStreams(now, sweepBatch-len(dead))
		n = len(dead) + entries
		return n > 0, err
	})
	return n, err
}

// bury removes one record by its end. The end is removed even if the record does not exist any more.
func (r records) bury(end []byte) error {
	name := end[stampSize+1:]
	switch end[stampSize] {
	case kindEntry:
		if err := r.deleteEntry(session.Key(name), r.entries.Get(name)); err != nil {
			return err
		}
	case kindMember:
		if size := int(name[0]); len(name) > 1+size {
			if err := r.deleteMember(session.Key(name[1:1+size]), session.Key(name[1+size:])); err != nil {
				return err
			}
		}
	}
	return r.ends.Delete(end)
}
