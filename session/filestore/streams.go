package filestore

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// The sign-in log in the file: three more parts, which are created with the first entry.
//
//	log       len(stream) 1, stream, milli 8, seq 8 -> len(owner) 1, owner, value
//	streams   stream -> until 8, count 8, milli 8, seq 8 of the last entry
//	owners    len(owner) 1, owner, milli 8, seq 8, stream -> nothing

// journals are the three parts.
type journals struct {
	entries, streams, owners *part
}

func (r records) journals() journals {
	return journals{&r.parts[partLog], &r.parts[partStreams], &r.parts[partOwners]}
}

// state is what is known about a stream besides its entries. The zero state is that of a stream that does not exist.
type state struct {
	until, count uint64
	last         journal.Position
}

const (
	stateSize    = 4 * 8
	positionSize = 2 * 8
)

func (j journals) state(stream string) (st state, err error) {
	data := j.streams.Get([]byte(stream))
	if data == nil {
		return st, nil
	}
	if len(data) != stateSize {
		return st, fmt.Errorf("%w: stream of %d bytes", ErrDamaged, len(data))
	}
	return state{binary.BigEndian.Uint64(data), binary.BigEndian.Uint64(data[8:]), placed(data[16:])}, nil
}

func (j journals) putState(stream string, st state) error {
	return j.streams.Put([]byte(stream), join(stamp(st.until), stamp(st.count), place(st.last)))
}

func place(p journal.Position) []byte { return join(stamp(p.Milli), stamp(p.Seq)) }

func placed(b []byte) journal.Position {
	return journal.Position{Milli: binary.BigEndian.Uint64(b), Seq: binary.BigEndian.Uint64(b[8:])}
}

// before reads backwards from a position, or from the end.
func (j journals) before(stream string, p journal.Position, limit int) ([]journal.Entry, error) {
	from := bytes.Repeat([]byte{0xff}, positionSize+1) // after the last entry
	if !p.IsZero() {
		from = place(p)
	}
	name := prefix(session.Key(stream))
	c := j.entries.Cursor()
	step := c.Prev
	if at, _ := c.Seek(join(name, from)); at == nil {
		step = c.Last
	}
	k, v := step()
	return collect(name, k, v, limit, c.Prev)
}

// after reads forwards from a position, or from the beginning.
func (j journals) after(stream string, p journal.Position, limit int) ([]journal.Entry, error) {
	name := prefix(session.Key(stream))
	from := join(name, place(p))
	c := j.entries.Cursor()
	k, v := c.Seek(from)
	if bytes.Equal(k, from) {
		k, v = c.Next()
	}
	return collect(name, k, v, limit, c.Next)
}

func collect(name, k, v []byte, limit int, next func() (k, v []byte)) (found []journal.Entry, err error) {
	for ; len(found) < limit && bytes.HasPrefix(k, name); k, v = next() {
		at := k[len(name):]
		if len(at) != positionSize {
			return nil, fmt.Errorf("%w: journal key of %d bytes", ErrDamaged, len(k))
		}
		_, value, err := split(v)
		if err != nil {
			return nil, err
		}
		found = append(found, journal.Entry{Position: placed(at), Value: bytes.Clone(value)})
	}
	return found, nil
}

// add appends a batch. If the old stream has ended, its entries are removed first.
func (j journals) add(stream string, b journal.Batch, now uint64) error {
	st, err := j.state(stream)
	if err != nil {
		return err
	}
	if st.until <= now && st.count > 0 {
		if _, err := j.drop(stream, &st, int(st.count)); err != nil { //nolint:gosec // as many as fit in a file
			return err
		}
	}
	st.until = millis(b.Until)
	if b.Again {
		newest, err := j.before(stream, journal.Position{}, journal.AgainWindow)
		if err != nil {
			return err
		}
		for _, e := range newest {
			if bytes.Equal(e.Value, b.Values[0]) {
				return j.putState(stream, st)
			}
		}
	}
	name := prefix(session.Key(stream))
	for i, v := range b.Values {
		owner := ""
		if len(b.Owners) > 0 {
			owner = b.Owners[i]
		}
		if now > st.last.Milli {
			st.last = journal.Position{Milli: now}
		} else {
			st.last.Seq++
		}
		if err := j.entries.Put(join(name, place(st.last)), join(prefix(session.Key(owner)), v)); err != nil {
			return err
		}
		if err := j.own(owner, stream, st.last); err != nil {
			return err
		}
		st.count++
	}
	if over := int(st.count) - b.Most; over > 0 { //nolint:gosec // as many as fit in a file
		_, err := j.drop(stream, &st, min(over, sweepBatch))
		return err
	}
	return j.putState(stream, st)
}

// drop removes the n oldest entries of a stream and writes its state.
func (j journals) drop(stream string, st *state, n int) (dropped int, err error) {
	name := prefix(session.Key(stream))
	var old, owned [][]byte
	c := j.entries.Cursor()
	for k, v := c.Seek(name); len(old) < n && bytes.HasPrefix(k, name); k, v = c.Next() {
		owner, _, err := split(v)
		if err != nil {
			return 0, err
		}
		old = append(old, bytes.Clone(k))
		if len(owner) > 0 {
			owned = append(owned, join(prefix(session.Key(owner)), k[len(name):], []byte(stream)))
		}
	}
	for _, k := range old {
		if err := j.entries.Delete(k); err != nil {
			return 0, err
		}
	}
	for _, k := range owned {
		if err := j.owners.Delete(k); err != nil {
			return 0, err
		}
	}
	if st.count -= min(st.count, uint64(len(old))); len(old) < n {
		st.count = 0 // there were fewer than the count said
	}
	return len(old), j.putState(stream, *st)
}

// sweepStreams removes entries of streams that have ended, at most n of them, and the streams once they are empty.
func (r records) sweepStreams(now uint64, n int) (swept int, err error) {
	j := r.journals()
	var ended []string
	c := j.streams.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if len(v) != stateSize {
			return 0, ErrDamaged
		}
		if binary.BigEndian.Uint64(v) <= now {
			ended = append(ended, string(k))
		}
	}
	for _, stream := range ended {
		if swept >= n {
			return swept, nil
		}
		st, err := j.state(stream)
		if err != nil {
			return swept, err
		}
		dropped, err := j.drop(stream, &st, n-swept)
		if err == nil && st.count == 0 {
			dropped, err = max(dropped, 1), j.streams.Delete([]byte(stream))
		}
		if err != nil {
			return swept, err
		}
		swept += dropped
	}
	return swept, nil
}
