package filestore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/filestore/wal"
)

// The database, format 1 or 2. Numbers are big-endian, times are milliseconds since 1970.
//
//	format    "format"                         -> 1 byte; 2 while there is a log
//	format    "log"                            -> name of the log 8, number of its last record that is here 8; in format 1 of the log that was
//	entries   key                              -> version 8, expires 8, value
//	members   len(index) 1, index, member      -> until 8
//
// order len(index) 1, index, until 8, member -> nothing; the members again, in the order of time
// ends expires 8, 'e' key -> nothing; read by the sweeper
//
//	until 8, 'm' len(index) 1, index, member
var (
	bucketFormat  = []byte("format")
	bucketEntries = []byte("entries")
	bucketMembers = []byte("members")
	bucketOrder   = []byte("order")
	bucketEnds    = []byte("ends")
	bucketLog     = []byte("log") // this and the next two: see streams.go
	bucketStreams = []byte("streams")
	bucketOwners  = []byte("owners")
	keyLog        = []byte("log")

	buckets = [][]byte{bucketFormat, bucketEntries, bucketMembers, bucketOrder, bucketEnds}
)

// The parts, by the numbers that they have in records of the log.
const (
	partEntries = iota
	partMembers
	partOrder
	partEnds
	partLog
	partStreams
	partOwners
	parts
)

var partNames = [parts][]byte{bucketEntries, bucketMembers, bucketOrder, bucketEnds, bucketLog, bucketStreams, bucketOwners}

const (
	format     = 1 // all that was written is in the database
	formatLog  = 2 // some may be in the log; a program that does not know of it refuses
	headerSize = 16
	kindEntry  = 'e'
	kindMember = 'm'
	stampSize  = 8
	dropped    = 16 // the largest number of members that one Enlist drops, so that no caller pays for a large index
)

// records reads and writes the format of the file within one snapshot.
type records struct {
	*snapshot
	entries, members, order, ends *part
}

var errMissing = fmt.Errorf("%w: parts are missing", ErrDamaged)

// open makes a snapshot of the layers over a database. A database of another format is damaged or belongs to another
// program. Each part is opened when it is read.
func open(tx *bolt.Tx, l *layers, number uint64) (records, error) {
	if _, err := formatOf(tx); err != nil {
		return records{}, err
	}
	s := &snapshot{tx: tx, layers: l, number: number}
	for i := range s.parts {
		s.parts[i].in, s.parts[i].which = s, i
	}
	return records{s, &s.parts[partEntries], &s.parts[partMembers], &s.parts[partOrder], &s.parts[partEnds]}, nil
}

func formatOf(tx *bolt.Tx) (byte, error) {
	head := tx.Bucket(bucketFormat)
	if head == nil {
		return 0, errMissing
	}
	v := head.Get(bucketFormat)
	if len(v) != 1 || v[0] != format && v[0] != formatLog {
		return 0, fmt.Errorf("%w: format %x, want %d or %d", ErrDamaged, v, format, formatLog)
	}
	return v[0], nil
}

// logOf returns the name of the log that is, or was, that of the database, and the number of its last record that is there.
func logOf(tx *bolt.Tx) (name wal.Name, last uint64, err error) {
	v := tx.Bucket(bucketFormat).Get(keyLog)
	if len(v) != len(name)+8 {
		return name, 0, fmt.Errorf("%w: what is said of the log has %d bytes", ErrDamaged, len(v))
	}
	return wal.Name(v[:len(name)]), binary.BigEndian.Uint64(v[len(name):]), nil
}

// check reads the first and last record of every part.
func (r records) check() error {
	for _, b := range []*part{r.entries, r.members, r.order, r.ends} {
		if b.below() == nil {
			return errMissing
		}
		b.Cursor().First()
		b.Cursor().Last()
	}
	return nil
}

// millis returns a time in the form of the file, rounded down. Times before 1970 count as 1970.
func millis(t time.Time) uint64 { return uint64(max(0, t.UnixMilli())) } //nolint:gosec // not negative

func stamp(ms uint64) []byte { return binary.BigEndian.AppendUint64(nil, ms) }

func fromMillis(ms uint64) time.Time { return time.UnixMilli(int64(ms)) } //nolint:gosec // written by millis

// entry returns an entry that has not expired. Its value is a copy.
func (r records) entry(key session.Key, now uint64) (session.Entry, bool, error) {
	data, live, err := r.lookUp(key, now)
	if !live || err != nil {
		return session.Entry{}, false, err
	}
	return decode(key, data), true, nil
}

// lookUp returns an entry as it is in the file, nil if there is none, and whether it has not expired.
func (r records) lookUp(key session.Key, now uint64) (data []byte, live bool, err error) {
	data = r.entries.Get([]byte(key))
	switch {
	case data == nil:
		return nil, false, nil
	case len(data) < headerSize:
		return nil, false, fmt.Errorf("%w: entry of %d bytes", ErrDamaged, len(data))
	}
	return data, binary.BigEndian.Uint64(data[8:]) > now, nil
}

// decode returns an entry that lookUp has found. Its value is a copy.
func decode(key session.Key, data []byte) session.Entry {
	return session.Entry{
		Key:     key,
		Value:   bytes.Clone(data[headerSize:]),
		Version: binary.BigEndian.Uint64(data),
		Expires: fromMillis(binary.BigEndian.Uint64(data[8:])),
	}
}

func endOfEntry(expires []byte, key session.Key) []byte {
	return append(append(append(make([]byte, 0, stampSize+1+len(key)), expires...), kindEntry), key...)
}

// encode returns an entry as it is in the file.
func encode(e session.Entry) []byte {
	data := make([]byte, 0, headerSize+len(e.Value))
	data = binary.BigEndian.AppendUint64(data, e.Version)
	data = binary.BigEndian.AppendUint64(data, millis(e.Expires))
	return append(data, e.Value...)
}

// putEntry writes an entry, as encode returns it, over the old one, which has expired or not, or is nil. The caller does not
// change the slice any more.
func (r records) putEntry(key session.Key, data, old []byte) error {
	if err := r.dropEnd(key, old); err != nil {
		return err
	}
	if err := r.entries.Put([]byte(key), data); err != nil {
		return err
	}
	return r.ends.Put(endOfEntry(data[8:headerSize], key), nil)
}

func (r records) deleteEntry(key session.Key, old []byte) error {
	if err := r.dropEnd(key, old); err != nil {
		return err
	}
	return r.entries.Delete([]byte(key))
}

func (r records) dropEnd(key session.Key, old []byte) error {
	if len(old) < headerSize {
		return nil
	}
	return r.ends.Delete(endOfEntry(old[8:headerSize], key))
}

func prefix(index session.Key) []byte {
	return append([]byte{byte(len(index))}, index...)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func (r records) putMember(index, member session.Key, until uint64) error {
	if err := r.deleteMember(index, member); err != nil {
		return err
	}
	p, m, at := prefix(index), []byte(member), stamp(until)
	if err := r.members.Put(join(p, m), at); err != nil {
		return err
	}
	if err := r.order.Put(join(p, at, m), nil); err != nil {
		return err
	}
	return r.ends.Put(join(at, []byte{kindMember}, p, m), nil)
}

// list adds listings and removes some that have passed.
func (r records) list(in []session.Listing, now time.Time) error {
	for _, l := range in {
		if err := r.dropPassed(l.Index, millis(now)); err != nil {
			return err
		}
		if err := r.putMember(l.Index, l.Member, millis(l.Until)); err != nil {
			return err
		}
	}
	return nil
}

func (r records) deleteMember(index, member session.Key) error {
	p, m := prefix(index), []byte(member)
	at := bytes.Clone(r.members.Get(join(p, m)))
	if at == nil {
		return nil
	}
	if err := r.members.Delete(join(p, m)); err != nil {
		return err
	}
	if err := r.order.Delete(join(p, at, m)); err != nil {
		return err
	}
	return r.ends.Delete(join(at, []byte{kindMember}, p, m))
}

// listed returns members with a time after now and before the given one.
func (r records) listed(index session.Key, now uint64, before time.Time, limit int) []session.Key {
	var (
		keys []session.Key
		p    = prefix(index)
		c    = r.order.Cursor()
	)
	for k, _ := c.Seek(join(p, stamp(now+1))); len(keys) < limit && bytes.HasPrefix(k, p); k, _ = c.Next() {
		rest := k[len(p):]
		if len(rest) <= stampSize {
			continue
		}
		if !before.IsZero() && !fromMillis(binary.BigEndian.Uint64(rest)).Before(before) {
			break
		}
		keys = append(keys, session.Key(rest[stampSize:]))
	}
	return keys
}

// dropPassed removes some members whose time has passed; the sweeper removes the rest.
func (r records) dropPassed(index session.Key, now uint64) error {
	var (
		passed []session.Key
		p      = prefix(index)
		c      = r.order.Cursor().Until(join(p, stamp(now+1)))
	)
	for k, _ := c.Seek(p); len(passed) < dropped && bytes.HasPrefix(k, p); k, _ = c.Next() {
		rest := k[len(p):]
		if len(rest) <= stampSize || binary.BigEndian.Uint64(rest) > now {
			break
		}
		passed = append(passed, session.Key(rest[stampSize:]))
	}
	for _, member := range passed {
		if err := r.deleteMember(index, member); err != nil {
			return err
		}
	}
	return nil
}
