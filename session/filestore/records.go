package filestore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/latchkey-gateway/latchkey/session"
)

// The file, format 1. Numbers are big-endian, times are milliseconds since 1970.
//
//	format    "format"                         -> 1 byte
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

	buckets = [][]byte{bucketFormat, bucketEntries, bucketMembers, bucketOrder, bucketEnds}
)

const (
	format     = 1
	headerSize = 16
	kindEntry  = 'e'
	kindMember = 'm'
	stampSize  = 8
	dropped    = 16 // the largest number of members that one Enlist drops, so that no caller pays for a large index
)

// records reads and writes the format of the file within one transaction.
type records struct {
	entries, members, order, ends *bolt.Bucket
}

var errMissing = fmt.Errorf("%w: parts are missing", ErrDamaged)

// open finds the buckets. A file without them, or with another format, is damaged or belongs to another program.
func open(tx *bolt.Tx) (r records, err error) {
	if r.entries, err = openEntries(tx); err != nil {
		return r, err
	}
	r.members, r.order, r.ends = tx.Bucket(bucketMembers), tx.Bucket(bucketOrder), tx.Bucket(bucketEnds)
	if r.members == nil || r.order == nil || r.ends == nil {
		return r, errMissing
	}
	return r, nil
}

// openEntries is open for callers that read entries alone. Every bucket costs them five pieces of memory.
func openEntries(tx *bolt.Tx) (*bolt.Bucket, error) {
	head, entries := tx.Bucket(bucketFormat), tx.Bucket(bucketEntries)
	if head == nil || entries == nil {
		return nil, errMissing
	}
	if v := head.Get(bucketFormat); len(v) != 1 || v[0] != format {
		return nil, fmt.Errorf("%w: format %x, want %d", ErrDamaged, v, format)
	}
	return entries, nil
}

// check reads the first and last record of every part.
func (r records) check() error {
	for _, b := range []*bolt.Bucket{r.entries, r.members, r.order, r.ends} {
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
	data := r.entries.Get([]byte(key))
	if data == nil {
		return session.Entry{}, false, nil
	}
	if len(data) < headerSize {
		return session.Entry{}, false, fmt.Errorf("%w: entry of %d bytes", ErrDamaged, len(data))
	}
	expires := binary.BigEndian.Uint64(data[8:])
	if expires <= now {
		return session.Entry{}, false, nil
	}
	return session.Entry{
		Key:     key,
		Value:   bytes.Clone(data[headerSize:]),
		Version: binary.BigEndian.Uint64(data),
		Expires: fromMillis(expires),
	}, true, nil
}

func endOfEntry(expires []byte, key session.Key) []byte {
	return append(append(bytes.Clone(expires), kindEntry), key...)
}

// putEntry writes an entry over an existing one, expired or not.
func (r records) putEntry(e session.Entry) error {
	if err := r.dropEnd(e.Key); err != nil {
		return err
	}
	data := make([]byte, 0, headerSize+len(e.Value))
	data = binary.BigEndian.AppendUint64(data, e.Version)
	data = binary.BigEndian.AppendUint64(data, millis(e.Expires))
	data = append(data, e.Value...)
	if err := r.entries.Put([]byte(e.Key), data); err != nil {
		return err
	}
	return r.ends.Put(endOfEntry(data[8:headerSize], e.Key), nil)
}

func (r records) deleteEntry(key session.Key) error {
	if err := r.dropEnd(key); err != nil {
		return err
	}
	return r.entries.Delete([]byte(key))
}

func (r records) dropEnd(key session.Key) error {
	data := r.entries.Get([]byte(key))
	if len(data) < headerSize {
		return nil
	}
	return r.ends.Delete(endOfEntry(data[8:headerSize], key))
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
		c      = r.order.Cursor()
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
