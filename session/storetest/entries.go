package storetest

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session"
)

func testCreateAndGet(t *testing.T, s Subject) {
	e := s.entry(key("one"), "value")
	e.Version = 41 // ignored
	s.create(t, e)
	got := s.get(t, e.Key)
	if got.Key != e.Key || string(got.Value) != "value" || got.Version != 1 {
		t.Fatalf("got %+v", got)
	}
	if d := e.Expires.Sub(got.Expires); d < 0 || d >= time.Millisecond {
		t.Fatalf("expires %v, want %v to the millisecond", got.Expires, e.Expires)
	}
	s.gone(t, key("two"))
}

func testCreateConflict(t *testing.T, s Subject) {
	s.create(t, s.entry(key("one"), "first"))
	is(t, "second create", s.Store.Create(ctx, s.entry(key("one"), "second")), session.ErrConflict)
	if got := s.get(t, key("one")); string(got.Value) != "first" || got.Version != 1 {
		t.Fatalf("the loser wrote: %+v", got)
	}
}

func testReplace(t *testing.T, s Subject) {
	s.create(t, s.entry(key("one"), "1"))
	for want := uint64(2); want < 300; want++ {
		e := s.entry(key("one"), label("v", int(want)))
		e.Version = want - 1
		version, err := s.Store.Replace(ctx, e)
		if err != nil || version != want {
			t.Fatalf("replace: version %d, %v, want %d", version, err, want)
		}
		if want < 5 || want > 254 { // around one byte
			if got := s.get(t, key("one")); got.Version != want || string(got.Value) != string(e.Value) {
				t.Fatalf("got %+v, want version %d", got, want)
			}
		}
	}
}

func testReplaceConflict(t *testing.T, s Subject) {
	s.create(t, s.entry(key("one"), "1"))
	for _, version := range []uint64{0, 2, 257, 1 << 32, 1 << 63, 1<<64 - 1} {
		e := s.entry(key("one"), "stale")
		e.Version = version
		_, err := s.Store.Replace(ctx, e)
		is(t, "replace of another version", err, session.ErrConflict)
	}
	if got := s.get(t, key("one")); string(got.Value) != "1" || got.Version != 1 {
		t.Fatalf("the loser wrote: %+v", got)
	}
}

// testRemove tests A61 among others: an entry removed through one replica is gone in all.
func testRemove(t *testing.T, s Subject) {
	e := s.entry(key("one"), "1")
	s.create(t, e)
	got, err := s.Store.Remove(ctx, e.Key)
	if err != nil {
		t.Fatal(err)
	}
	if got.Key != e.Key || string(got.Value) != "1" || got.Version != 1 || e.Expires.Sub(got.Expires) >= time.Millisecond {
		t.Fatalf("removed %+v, want what was there", got)
	}
	s.gone(t, e.Key)
	s.create(t, s.entry(key("one"), "again"))
	if got := s.get(t, e.Key); got.Version != 1 {
		t.Fatalf("created again with version %d, want 1", got.Version)
	}
}

// A61, design section 6: an in-flight request never revives a revoked session, whatever version it holds.
func testReplaceNeverRevives(t *testing.T, s Subject) {
	s.create(t, s.entry(key("one"), "1"))
	if _, err := s.Store.Remove(ctx, key("one")); err != nil {
		t.Fatal(err)
	}
	for _, version := range []uint64{0, 1, 2} {
		e := s.entry(key("one"), "revived")
		e.Version = version
		_, err := s.Store.Replace(ctx, e)
		is(t, "replace of a removed entry", err, session.ErrNotFound)
	}
	s.gone(t, key("one"))
}

func testExpiry(t *testing.T, s Subject) {
	s.create(t, s.entry(key("one"), "1"))
	s.create(t, session.Entry{Key: key("long"), Value: []byte("1"), Expires: s.Now().Add(3 * time.Hour)})
	s.Advance(59 * time.Minute)
	s.get(t, key("one"))
	is(t, "create before the end", s.Store.Create(ctx, s.entry(key("one"), "2")), session.ErrConflict)
	s.Advance(time.Minute)
	s.gone(t, key("one"))
	s.get(t, key("long"))
	s.create(t, s.entry(key("one"), "after"))
	if got := s.get(t, key("one")); got.Version != 1 || string(got.Value) != "after" {
		t.Fatalf("got %+v", got)
	}
	// The end of the first one must not affect the second.
	s.Advance(59 * time.Minute)
	s.get(t, key("one"))
}

func testReplaceMovesExpiry(t *testing.T, s Subject) {
	for _, name := range []string{"longer", "shorter"} {
		s.create(t, s.entry(key(name), "1"))
	}
	for name, d := range map[string]time.Duration{"longer": 3 * time.Hour, "shorter": time.Minute} {
		if _, err := s.Store.Replace(ctx, session.Entry{Key: key(name), Version: 1, Expires: s.Now().Add(d)}); err != nil {
			t.Fatal(err)
		}
	}
	s.Advance(time.Minute)
	s.gone(t, key("shorter"))
	s.Advance(2 * time.Hour)
	if got := s.get(t, key("longer")); got.Version != 2 {
		t.Fatalf("got %+v", got)
	}
	s.Advance(time.Hour)
	s.gone(t, key("longer"))
}

// Every key has a TTL (design section 6). An end in the past is refused, so that no caller relies on a lease that never
// existed.
func testNoEntryWithoutEnd(t *testing.T, s Subject) {
	s.create(t, s.entry(key("one"), "1"))
	for name, expires := range map[string]time.Time{
		"zero": {}, "past": s.Now().Add(-time.Second), "long past": time.Unix(-1, 0), "epoch": time.Unix(0, 0),
		"past every calendar": time.Date(100_000, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		refused(t, "create, "+name, s.Store.Create(ctx, session.Entry{Key: key("two"), Expires: expires}))
		_, err := s.Store.Replace(ctx, session.Entry{Key: key("one"), Version: 1, Expires: expires})
		refused(t, "replace, "+name, err)
	}
	s.gone(t, key("two"))
	if got := s.get(t, key("one")); got.Version != 1 || string(got.Value) != "1" {
		t.Fatalf("a refused write wrote: %+v", got)
	}
}

// A48: no 32-bit time anywhere, no overflow of a TTL.
func testFarExpiry(t *testing.T, s Subject) {
	for _, year := range []int{2039, 2107, 2200, 2600, 9998} {
		e := s.entry(key(label("year", year)), "far")
		e.Expires = time.Date(year, 12, 31, 23, 59, 59, 999_000_000, time.UTC)
		s.create(t, e)
		if got := s.get(t, e.Key); !got.Expires.Equal(e.Expires) {
			t.Fatalf("expires %v, want %v", got.Expires, e.Expires)
		}
		if err := s.Store.Enlist(ctx, "u:far", e.Key, e.Expires); err != nil {
			t.Fatal(err)
		}
	}
	s.Advance(24 * time.Hour)
	s.members(t, "u:far", time.Time{}, 10, key("year2039"), key("year2107"), key("year2200"), key("year2600"), key("year9998"))
}

// A47: what can be written can be read; what is too large is an error and changes nothing.
func testSizes(t *testing.T, s Subject) {
	for i, size := range []int{0, 1, 15, 16, 17, 255, 256, 4095, 4096, 4097, 32 << 10, session.MaxValue - 1, session.MaxValue} {
		k := key(label("size", i))
		want := bytes.Repeat([]byte{byte(i), 0xff}, size/2+1)[:size]
		s.create(t, session.Entry{Key: k, Value: want, Expires: s.Now().Add(time.Hour)})
		if got := s.get(t, k); !bytes.Equal(got.Value, want) {
			t.Fatalf("size %d: read %d other bytes", size, len(got.Value))
		}
		if _, err := s.Store.Replace(ctx, session.Entry{Key: k, Value: want, Version: 1, Expires: s.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if got := s.get(t, k); !bytes.Equal(got.Value, want) {
			t.Fatalf("size %d, replaced: read %d other bytes", size, len(got.Value))
		}
	}
	for _, size := range []int{session.MaxValue + 1, 2 * session.MaxValue, 8 << 20} {
		over := session.Entry{Key: key("size0000"), Version: 2, Value: make([]byte, size), Expires: s.Now().Add(time.Hour)}
		_, err := s.Store.Replace(ctx, over)
		refused(t, "replace over the limit", err)
		over.Key = key("over")
		refused(t, "create over the limit", s.Store.Create(ctx, over))
		s.gone(t, over.Key)
	}
	if got := s.get(t, key("size0000")); got.Version != 2 || len(got.Value) != 0 {
		t.Fatalf("a refused write wrote: version %d, %d bytes", got.Version, len(got.Value))
	}
}

// A47 over all sizes and contents.
func testSizesProperty(t *testing.T, s Subject) {
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		value := rapid.SliceOfN(rapid.Byte(), 0, 600).Draw(t, "value")
		value = append(value, make([]byte, rapid.IntRange(0, session.MaxValue-len(value)).Draw(t, "padding"))...)
		k := key(label("any", n))
		if err := s.Store.Create(ctx, session.Entry{Key: k, Value: value, Expires: s.Now().Add(time.Hour)}); err != nil {
			t.Fatalf("create: %v", err)
		}
		got, err := s.Store.Remove(ctx, k)
		if err != nil || !bytes.Equal(got.Value, value) {
			t.Fatalf("%d bytes written, %d read, %v", len(value), len(got.Value), err)
		}
	})
}

func testBinary(t *testing.T, s Subject) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for i, value := range []string{"\x00", "\x00\x00\x00\x00\x00\x00\x00\x01", "a\r\nb\r\n$-1\r\n", "\xff\xfe", string(all), "%s%n{}"} {
		k := key(label("binary", i))
		s.create(t, s.entry(k, value))
		if got := s.get(t, k); string(got.Value) != value {
			t.Fatalf("wrote %q, read %q", value, got.Value)
		}
	}
}

// A32: a key outside the alphabet reaches no store, and is a mistake rather than "not found".
func testKeys(t *testing.T, s Subject) {
	for _, k := range []session.Key{"s:AZaz09-_", "f", "a.b:c", session.Key(strings.Repeat("k", session.MaxKey))} {
		s.create(t, s.entry(k, "good"))
		if got := s.get(t, k); got.Key != k {
			t.Fatalf("got %q, want %q", got.Key, k)
		}
	}
	until := s.Now().Add(time.Hour)
	for _, k := range []session.Key{
		"", " ", "s:%s", "s:%n", "s:{x}", "s:*", "s:[a]", "s:a\r\nFLUSHALL", "s:\x00", "s:é", "s:\xff", "s:../x", session.Key(strings.Repeat("k", session.MaxKey+1)),
	} {
		refused(t, "create", s.Store.Create(ctx, s.entry(k, "bad")))
		_, err := s.Store.Get(ctx, k)
		refused(t, "get", err)
		_, err = s.Store.Replace(ctx, s.entry(k, "bad"))
		refused(t, "replace", err)
		_, err = s.Store.Remove(ctx, k)
		refused(t, "remove", err)
		refused(t, "enlist in", s.Store.Enlist(ctx, k, "s:m", until))
		refused(t, "enlist", s.Store.Enlist(ctx, "u:i", k, until))
		_, err = s.Store.Members(ctx, k, time.Time{}, 1)
		refused(t, "members", err)
		refused(t, "delist from", s.Store.Delist(ctx, k, "s:m"))
		refused(t, "delist", s.Store.Delist(ctx, "u:i", "s:m", k))
	}
	for _, m := range []session.Key{".", ".."} {
		refused(t, "enlist dots", s.Store.Enlist(ctx, "u:i", m, until))
		refused(t, "list dots", s.Store.Create(ctx, s.entry(key("dots"), "bad"), session.Listing{Index: "u:i", Member: m, Until: until}))
	}
	s.members(t, "u:i", time.Time{}, 10)
}

// Keys are compared as a whole, byte for byte. An entry and an index with the same name are separate.
func testKeysAreApart(t *testing.T, s Subject) {
	for _, name := range []string{"a", "A", "ab", "a.", "a:", "a_"} {
		s.create(t, s.entry(key(name), name))
		if err := s.Store.Enlist(ctx, key(name), key("in-"+name), s.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Store.Remove(ctx, key("a")); err != nil {
		t.Fatal(err)
	}
	s.members(t, key("a"), time.Time{}, 10, key("in-a"))
	for _, name := range []string{"A", "ab", "a.", "a:", "a_"} {
		if got := s.get(t, key(name)); string(got.Value) != name {
			t.Fatalf("%q holds %q", name, got.Value)
		}
		s.members(t, key(name), time.Time{}, 10, key("in-"+name))
	}
}

// A store keeps no slice of its caller and returns none of its own.
func testValuesAreCopied(t *testing.T, s Subject) {
	mine := []byte("value")
	s.create(t, session.Entry{Key: key("one"), Value: mine, Expires: s.Now().Add(time.Hour)})
	copy(mine, "XXXXX")
	got := s.get(t, key("one"))
	if string(got.Value) != "value" {
		t.Fatalf("the writer's slice changed the entry: %q", got.Value)
	}
	copy(got.Value, "YYYYY")
	_ = append(got.Value, "ZZZZZ"...)
	if got := s.get(t, key("one")); string(got.Value) != "value" {
		t.Fatalf("a reader's slice changed the entry: %q", got.Value)
	}
	mine = []byte("other")
	if _, err := s.Store.Replace(ctx, session.Entry{Key: key("one"), Value: mine, Version: 1, Expires: s.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	copy(mine, "XXXXX")
	if got := s.get(t, key("one")); string(got.Value) != "other" {
		t.Fatalf("the writer's slice changed the entry: %q", got.Value)
	}
}

func testTwin(t *testing.T, s Subject) {
	s.create(t, s.entry(key("one"), "1"))
	got, err := s.Twin.Get(ctx, key("one"))
	if err != nil || string(got.Value) != "1" {
		t.Fatalf("the other replica reads %q, %v", got.Value, err)
	}
	got.Value = []byte("2")
	if _, err := s.Twin.Replace(ctx, got); err != nil {
		t.Fatal(err)
	}
	if got := s.get(t, key("one")); string(got.Value) != "2" || got.Version != 2 {
		t.Fatalf("after the other replica's write: %+v", got)
	}
	if _, err := s.Store.Remove(ctx, key("one")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Twin.Get(ctx, key("one")); !errors.Is(err, session.ErrNotFound) {
		t.Fatalf("removed, and the other replica says %v", err)
	}
}
