package session

import (
	"strings"
	"testing"
	"time"
)

// A32: the alphabet of keys is closed.
func TestCheckKey(t *testing.T) {
	for _, k := range []Key{"s:AZaz09_-", "u:x", "a", "x.y", Key(strings.Repeat("k", MaxKey))} {
		if err := CheckKey(k); err != nil {
			t.Errorf("%q: %v", k, err)
		}
	}
	for _, k := range []Key{"", "s: a", "s:%s", "s:{a}", "s:a\n", "s:a\x00", "s:é", "s:*", "s:a/b", Key(strings.Repeat("k", MaxKey+1))} {
		if CheckKey(k) == nil {
			t.Errorf("%q is taken", k)
		}
	}
}

func TestCheckEntry(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC)
	tests := map[string]struct {
		entry Entry
		ok    bool
	}{
		"good":             {Entry{Key: "s:a", Expires: now.Add(time.Millisecond)}, true},
		"full":             {Entry{Key: "s:a", Value: make([]byte, MaxValue), Expires: now.Add(time.Hour)}, true},
		"over":             {Entry{Key: "s:a", Value: make([]byte, MaxValue+1), Expires: now.Add(time.Hour)}, false},
		"bad key":          {Entry{Key: "s a", Expires: now.Add(time.Hour)}, false},
		"no end":           {Entry{Key: "s:a"}, false},
		"ended":            {Entry{Key: "s:a", Expires: now}, false},
		"same millisecond": {Entry{Key: "s:a", Expires: now.Add(50 * time.Microsecond)}, false},
		"2200":             {Entry{Key: "s:a", Expires: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)}, true},
		"too far":          {Entry{Key: "s:a", Expires: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)}, false},
	}
	for name, tt := range tests {
		if err := CheckEntry(tt.entry, now); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
