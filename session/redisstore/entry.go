package redisstore

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// headerSize is the size of the store's own part of a value: version and end, 8 bytes each, big-endian.
const headerSize = 16

func encode(version uint64, expires time.Time, value []byte) []byte {
	data := make([]byte, headerSize, headerSize+len(value))
	binary.BigEndian.PutUint64(data, version)
	binary.BigEndian.PutUint64(data[8:], uint64(expires.UnixMilli())) //nolint:gosec // checked to lie ahead
	return append(data, value...)
}

func decode(key session.Key, data []byte) (session.Entry, error) {
	if len(data) < headerSize {
		return session.Entry{}, fmt.Errorf("%w: redis: an entry of %d bytes is not ours", session.ErrUnavailable, len(data))
	}
	return session.Entry{
		Key:     key,
		Version: binary.BigEndian.Uint64(data),
		Expires: time.UnixMilli(int64(binary.BigEndian.Uint64(data[8:]))), //nolint:gosec // as written by encode
		Value:   data[headerSize:len(data):len(data)],
	}, nil
}

// names are the names of a store in Redis, which begin with its prefix. Bytes that no key can contain tell the kinds apart.
type names string

func (n names) entryKey(key session.Key) string { return string(n) + string(key) }

func (n names) indexKey(index session.Key) string { return string(n) + "~" + string(index) }

func (n names) streamKey(stream string) string { return string(n) + "+" + stream }

func (n names) ownerKey(owner string) string { return string(n) + "=" + owner }

// ttl returns the remaining time in milliseconds. It subtracts whole milliseconds, so it is never 0 and never
// overflows.
func ttl(expires, now time.Time) int64 { return expires.UnixMilli() - now.UnixMilli() }
