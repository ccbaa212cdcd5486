package filestore

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/filestore/wal"
)

// However much of the end of the log a crash has cut off, the store opens with all writes until there.
func TestLogCutOff(t *testing.T) {
	s := openFile(t, Config{})
	keepInLog(t, s)
	const writes = 8
	for i := range writes {
		e := entry(fmt.Sprint(i), time.Hour)
		e.Value = make([]byte, i*700)
		if err := s.Create(t.Context(), e, session.Listing{Index: "u:all", Member: e.Key, Until: e.Expires}); err != nil {
			t.Fatal(err)
		}
	}
	before := -1
	for cut := int64(0); cut < s.log.Size()+4096; cut += 1111 {
		path := crashed(t, s)
		if err := os.Truncate(wal.Beside(path)[0], cut); err != nil {
			t.Fatal(err)
		}
		again, err := Open(Config{Path: path})
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		members, err := again.Members(t.Context(), "u:all", time.Time{}, 100)
		if err != nil {
			t.Fatal(err)
		}
		for i := range writes {
			_, err := again.Get(t.Context(), session.Key(fmt.Sprintf("s:%d", i)))
			if i < len(members) && err != nil || i >= len(members) && !errors.Is(err, session.ErrNotFound) {
				t.Errorf("cut at %d: %d are listed, and entry %d: %v", cut, len(members), i, err)
			}
		}
		if len(members) < before {
			t.Errorf("cut at %d: %d writes, %d where more was cut off", cut, len(members), before)
		}
		before = len(members)
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if before != writes {
		t.Errorf("%d writes in the whole log", before)
	}
}

// Whatever is in a record of the log, reading it ends without a panic, and gives changes that are written as they were
// read.
func FuzzChanges(f *testing.F) {
	f.Add(appendChanges(nil, []change{{part: partEntries}, {part: partOwners}}))
	good := changesOf("a", "bc")
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Fuzz(func(t *testing.T, record []byte) {
		all, err := readChanges(record)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		again, err := readChanges(appendChanges(nil, all))
		if err != nil || len(again) != len(all) {
			t.Fatalf("%d changes, %v, want %d", len(again), err, len(all))
		}
		for i, c := range all {
			if o := again[i]; o.part != c.part || string(o.Key) != string(c.Key) || string(o.Value) != string(c.Value) || o.Deleted != c.Deleted {
				t.Fatalf("change %d: %v, want %v", i, o, c)
			}
		}
	})
}

func changesOf(keys ...string) []byte {
	var all []change
	for i, key := range keys {
		c := change{part: i % parts}
		c.Key, c.Value, c.Deleted = []byte(key), []byte("value of "+key), i%2 == 1
		if c.Deleted {
			c.Value = nil
		}
		all = append(all, c)
	}
	return appendChanges(nil, all)
}
