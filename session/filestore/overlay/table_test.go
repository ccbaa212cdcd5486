package overlay

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// state is a table as a map, as of a batch.
type state map[string]string

const gone = "gone" // a key that was deleted

// look reads a table completely, forwards.
func look(t *Table, batch uint64) state {
	found := state{}
	w := t.Walk(batch)
	for c, ok := w.First(); ok; c, ok = w.Next() {
		found[string(c.Key)] = said(c)
	}
	return found
}

func said(c Change) string {
	if c.Deleted {
		return gone
	}
	return "=" + string(c.Value)
}

// Against maps: every batch is seen as it was when it was published, whatever was written, published or discarded since.
func TestTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table Table
		now, batches := state{}, []state{{}}
		key := rapid.Map(rapid.IntRange(0, 30), func(n int) string { return fmt.Sprintf("k%02d", n) })
		for range rapid.IntRange(1, 12).Draw(t, "batches") {
			next := maps.Clone(now)
			for range rapid.IntRange(0, 8).Draw(t, "changes") {
				c := Change{Key: []byte(key.Draw(t, "key")), Deleted: rapid.Bool().Draw(t, "deleted")}
				if !c.Deleted {
					c.Value = []byte(rapid.StringMatching("[a-z]{0,3}").Draw(t, "value"))
				}
				table.Put(uint64(len(batches)), c)
				next[string(c.Key)] = said(c)
			}
			if got := look(&table, uint64(len(batches))); !maps.Equal(got, next) {
				t.Fatalf("the writer sees %v, want %v", got, next)
			}
			if rapid.Bool().Draw(t, "discarded") {
				size := table.kept
				if table.Discard(); table.Size() != size {
					t.Fatalf("size %d, want %d", table.Size(), size)
				}
				continue
			}
			table.Publish()
			now = next
			batches = append(batches, now)
		}
		for batch, want := range batches {
			check(t, &table, uint64(batch), want) //nolint:gosec // a few
		}
	})
}

// check compares a table with a map, in every way in which it can be read.
func check(t *rapid.T, table *Table, batch uint64, want state) {
	if got := look(table, batch); !maps.Equal(got, want) {
		t.Fatalf("batch %d: %v, want %v", batch, got, want)
	}
	sorted := slices.Sorted(maps.Keys(want))
	w := table.Walk(batch)
	i := len(sorted)
	for c, ok := w.Last(); ok; c, ok = w.Before(c.Key) {
		if i--; i < 0 || string(c.Key) != sorted[i] || said(c) != want[sorted[i]] {
			t.Fatalf("batch %d backwards: %s at %d of %v", batch, c.Key, i, sorted)
		}
	}
	if i != 0 {
		t.Fatalf("batch %d backwards: %d are missing", batch, i)
	}
	for n := range 32 {
		key := fmt.Sprintf("k%02d", n)
		c, found := table.Get(batch, []byte(key))
		if value, ok := want[key]; ok != found || ok && said(c) != value {
			t.Fatalf("batch %d: %s is %v, %v", batch, key, c, found)
		}
		at, exact := slices.BinarySearch(sorted, key)
		if c, ok := w.Seek([]byte(key)); ok != (at < len(sorted)) || ok && string(c.Key) != sorted[at] {
			t.Fatalf("batch %d: seek %s: %s, %v", batch, key, c.Key, ok)
		}
		if c, ok := w.Before([]byte(key)); ok != (at > 0) || ok && string(c.Key) != sorted[at-1] {
			t.Fatalf("batch %d: before %s (%v): %s, %v", batch, key, exact, c.Key, ok)
		}
	}
}

// Readers never see a part of a batch, while the writer goes on. Each batch writes the same value under all keys.
func TestReadersSeeWholeBatches(t *testing.T) {
	const keys, batches = 40, 400
	var table Table
	var published atomic.Uint64
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for batch := uint64(0); batch < batches; {
				batch = published.Load()
				want := fmt.Sprint("=", batch)
				n, w := 0, table.Walk(batch)
				var before []byte
				for c, ok := w.First(); ok; c, ok = w.Next() {
					if n++; said(c) != want || bytes.Compare(before, c.Key) >= 0 {
						t.Errorf("batch %d has %s of another, after %s: %s", batch, c.Key, before, c.Value)
						return
					}
					before = c.Key
				}
				if n != keys && batch > 0 {
					t.Errorf("batch %d has %d keys", batch, n)
					return
				}
			}
		})
	}
	for batch := uint64(1); batch <= batches; batch++ {
		for n := range keys {
			table.Put(batch, Change{Key: fmt.Appendf(nil, "%d", (n*7+int(batch))%keys), Value: fmt.Append(nil, batch)}) //nolint:gosec // a few
		}
		if batch%5 == 4 {
			table.Discard()
			for n := range keys {
				table.Put(batch, Change{Key: fmt.Append(nil, n), Value: fmt.Append(nil, batch)})
			}
		}
		table.Publish()
		published.Store(batch)
	}
	wg.Wait()
}
