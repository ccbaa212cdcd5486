package filestore

import (
	"bytes"
	"context"
	"fmt"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// split separates owner and value of an entry. The owner is stored in the entry so that its listing can be removed with
// it.
func split(v []byte) (owner, value []byte, err error) {
	if len(v) == 0 || len(v) <= int(v[0]) {
		return nil, nil, fmt.Errorf("%w: journal entry of %d bytes", ErrDamaged, len(v))
	}
	return v[1 : 1+v[0]], v[1+v[0]:], nil
}

// own lists an entry for its owner, and keeps at most journal.MaxOwned.
func (j journals) own(owner, stream string, p journal.Position) error {
	if owner == "" {
		return nil
	}
	name := prefix(session.Key(owner))
	if err := j.owners.Put(join(name, place(p), []byte(stream)), nil); err != nil {
		return err
	}
	n := 0
	c := j.owners.Cursor()
	var oldest []byte
	for k, _ := c.Seek(name); bytes.HasPrefix(k, name); k, _ = c.Next() {
		if n++; n == 1 {
			oldest = bytes.Clone(k)
		}
	}
	if n <= journal.MaxOwned {
		return nil
	}
	return j.owners.Delete(oldest)
}

// Owned reads the listed entries of an owner, newest first.
func (s *Store) Owned(ctx context.Context, owner string, limit int) (found []journal.OwnedEntry, err error) {
	err = s.view(ctx, func(r records) error {
		if err := journal.CheckOwned(owner, limit); err != nil {
			return refusal{err}
		}
		var err error
		found, err = r.journals().owned(owner, limit, millis(s.now()))
		return err
	})
	return found, err
}

func (j journals) owned(owner string, limit int, now uint64) (found []journal.OwnedEntry, err error) {
	name := prefix(session.Key(owner))
	var listed [][]byte
	c := j.owners.Cursor()
	for k, _ := c.Seek(name); bytes.HasPrefix(k, name); k, _ = c.Next() {
		if len(k) <= len(name)+positionSize {
			return nil, fmt.Errorf("%w: owner's key of %d bytes", ErrDamaged, len(k))
		}
		listed = append(listed, k[len(name):])
	}
	for i := len(listed) - 1; i >= 0 && len(found) < limit; i-- {
		at, stream := listed[i][:positionSize], string(listed[i][positionSize:])
		st, err := j.state(stream)
		if err != nil {
			return nil, err
		}
		v := j.entries.Get(join(prefix(session.Key(stream)), at))
		if v == nil || st.until <= now {
			continue
		}
		_, value, err := split(v)
		if err != nil {
			return nil, err
		}
		found = append(found, journal.OwnedEntry{Entry: journal.Entry{Position: placed(at), Value: bytes.Clone(value)}, Stream: stream})
	}
	return found, nil
}
