package session

import (
	"fmt"
	"time"
)

// MaxKey is the longest key a store takes, in bytes.
const MaxKey = 128

// latest is the last time a store takes. It keeps milliseconds since 1970 far from every 64-bit edge, here and in
// a server that adds its own clock to a TTL (A48).
var latest = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// CheckKey tells whether every store takes the key: 1 to MaxKey bytes out of A-Z a-z 0-9 : . _ -. The alphabet has
// no byte that a store, a log or a cluster's hash tags could read as more than a letter (A32). The error is a
// mistake of the caller and none of the four sentinels.
func CheckKey(k Key) error {
	if len(k) == 0 || len(k) > MaxKey {
		return fmt.Errorf("store key of %d bytes, want 1 to %d", len(k), MaxKey)
	}
	for i := range len(k) {
		switch c := k[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == ':', c == '.', c == '_', c == '-':
		default:
			return fmt.Errorf("store key with byte %#02x at %d, outside A-Z a-z 0-9 : . _ -", c, i)
		}
	}
	return nil
}

// CheckEntry tells whether every store takes the entry at the given time: a good key, a value of at most MaxValue
// bytes and an end that lies ahead. An entry that has ended already is refused rather than dropped in silence, so
// nobody believes to hold a lease that never was.
func CheckEntry(e Entry, now time.Time) error {
	if err := CheckKey(e.Key); err != nil {
		return err
	}
	if len(e.Value) > MaxValue {
		return fmt.Errorf("store value of %d bytes, want at most %d", len(e.Value), MaxValue)
	}
	return CheckUntil(e.Expires, now)
}

// CheckListings tells whether every store takes the listings at the given time.
func CheckListings(in []Listing, now time.Time) error {
	for _, l := range in {
		if err := CheckKey(l.Index); err != nil {
			return err
		}
		if err := CheckKey(l.Member); err != nil {
			return err
		}
		if err := CheckUntil(l.Until, now); err != nil {
			return err
		}
	}
	return nil
}

// CheckUntil tells whether every store takes the time as the end of an entry or of a listing. Stores keep times to
// the millisecond, rounded down; the end must lie ahead of now by that measure.
func CheckUntil(until, now time.Time) error {
	switch {
	case until.IsZero():
		return fmt.Errorf("store entry without an end: every key has a TTL")
	case until.After(latest):
		return fmt.Errorf("store entry that ends after the year 9998")
	case until.UnixMilli() <= now.UnixMilli():
		return fmt.Errorf("store entry that has ended already, %v ago", now.Sub(until).Round(time.Millisecond))
	}
	return nil
}
