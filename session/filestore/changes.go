package filestore

import (
	"encoding/binary"
	"fmt"

	"github.com/latchkey-gateway/latchkey/session/filestore/overlay"
)

// change is a change of a part.
type change struct {
	part int
	overlay.Change
}

// A record of the log is a number of changes:
//
//	part << 1 | deleted 1, length of the key, key, length of the value, value
//
// The lengths are varints. What was deleted has no value.

// appendChanges appends changes as they are in a record of the log.
func appendChanges(to []byte, all []change) []byte {
	for _, c := range all {
		head := byte(c.part) << 1
		if c.Deleted {
			head |= 1
		}
		to = binary.AppendUvarint(append(to, head), uint64(len(c.Key)))
		to = append(to, c.Key...)
		if !c.Deleted {
			to = append(binary.AppendUvarint(to, uint64(len(c.Value))), c.Value...)
		}
	}
	return to
}

// readChanges reads the changes of a record. Their slices are parts of it.
func readChanges(record []byte) (all []change, err error) {
	bad := func() ([]change, error) {
		return nil, fmt.Errorf("%w: a record of the log has %d bytes that are no change", ErrDamaged, len(record))
	}
	for len(record) > 0 {
		head := record[0]
		c := change{part: int(head >> 1), Change: overlay.Change{Deleted: head&1 != 0}}
		var ok bool
		rest := record[1:]
		if c.Key, rest, ok = cutBytes(rest); !ok || len(c.Key) == 0 || c.part >= parts {
			return bad()
		}
		if !c.Deleted {
			if c.Value, rest, ok = cutBytes(rest); !ok {
				return bad()
			}
		}
		all, record = append(all, c), rest
	}
	return all, nil
}

// cutBytes takes bytes with their length from the front.
func cutBytes(from []byte) (taken, rest []byte, ok bool) {
	n, size := binary.Uvarint(from)
	if size <= 0 || n > uint64(len(from)-size) {
		return nil, nil, false
	}
	from = from[size:]
	return from[:n:n], from[n:], true
}

// grows reports whether changes write anything, and not only delete.
func grows(all []change) bool {
	for _, c := range all {
		if !c.Deleted {
			return true
		}
	}
	return false
}
