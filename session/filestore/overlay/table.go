package overlay

import (
	"bytes"
	"math/bits"
	"sync/atomic"
)

const (
	height = 12 // of the list; it is good for millions of keys
	weight = 96 // bytes that a change takes besides its key and value
)

// Table is a skip list. The zero value is an empty table.
type Table struct {
	head    [height]atomic.Pointer[node]
	touched []*node // changed by the batch that is not published yet
	size    int
	kept    int // size without that batch
	random  uint64
}

// node is a key. It is never removed, even if no batch that changed it was published.
type node struct {
	key    []byte
	newest atomic.Pointer[version]
	next   []atomic.Pointer[node]
	// Most nodes need no other piece of memory.
	first version
	few   [2]atomic.Pointer[node]
}

// version is the value of a key since a batch. It does not change.
type version struct {
	batch   uint64
	value   []byte
	deleted bool
	older   *version
}

// Change is what a table says about a key.
type Change struct {
	Key, Value []byte
	Deleted    bool
}

// Put writes a change of a batch. Its batch is later than every one that was published. The table keeps the slices; the
// caller does not change them any more.
func (t *Table) Put(batch uint64, c Change) {
	var before [height]*node
	n, v := t.find(c.Key, &before), (*version)(nil)
	if n == nil {
		n = t.insert(c.Key, &before)
		v = &n.first
	} else {
		v = new(version)
	}
	*v = version{batch: batch, value: c.Value, deleted: c.Deleted, older: n.newest.Load()}
	if v.older == nil || v.older.batch != batch {
		t.touched = append(t.touched, n)
	} else {
		v.older = v.older.older // no reader sees a batch that is not published
	}
	n.newest.Store(v)
	t.size += len(c.Key) + len(c.Value) + weight
}

// Publish ends a batch. The caller lets readers name it afterwards.
func (t *Table) Publish() { t.touched, t.kept = t.touched[:0], t.size }

// Discard takes back the batch that is not published.
func (t *Table) Discard() {
	for _, n := range t.touched {
		n.newest.Store(n.newest.Load().older)
	}
	t.touched, t.size = t.touched[:0], t.kept
}

// Empty reports whether no key was ever written.
func (t *Table) Empty() bool { return t.head[0].Load() == nil }

// Size returns about how many bytes of memory the table takes. It is for the goroutine that writes.
func (t *Table) Size() int { return t.size }

// Get returns what the table says about a key, as of a batch.
func (t *Table) Get(batch uint64, key []byte) (c Change, found bool) {
	n := t.find(key, nil)
	if n == nil {
		return c, false
	}
	return n.at(batch)
}

// at returns the change of a key as of a batch.
func (n *node) at(batch uint64) (c Change, found bool) {
	v := n.newest.Load()
	for v != nil && v.batch > batch {
		v = v.older
	}
	if v == nil {
		return c, false
	}
	return Change{Key: n.key, Value: v.value, Deleted: v.deleted}, true
}

// find returns the node of a key, and the nodes before it on every level; nil is the head.
func (t *Table) find(key []byte, before *[height]*node) *node {
	n := t.notBelow(key, before)
	if n != nil && bytes.Equal(n.key, key) {
		return n
	}
	return nil
}

// notBelow returns the first node whose key is not below the given one.
func (t *Table) notBelow(key []byte, before *[height]*node) *node {
	var at, next *node
	for level := height - 1; level >= 0; level-- {
		for next = t.after(at, level); next != nil && bytes.Compare(next.key, key) < 0; next = t.after(at, level) {
			at = next
		}
		if before != nil {
			before[level] = at
		}
	}
	return next
}

// after returns the node after one on a level; nil is the head.
func (t *Table) after(n *node, level int) *node {
	if n == nil {
		return t.head[level].Load()
	}
	return n.next[level].Load()
}

func (t *Table) insert(key []byte, before *[height]*node) *node {
	n := &node{key: key}
	if levels := t.levels(); levels <= len(n.few) {
		n.next = n.few[:levels]
	} else {
		n.next = make([]atomic.Pointer[node], levels)
	}
	for level := range n.next {
		n.next[level].Store(t.after(before[level], level))
	}
	for level := range n.next { // readers find it from here on, and no version of it
		if before[level] == nil {
			t.head[level].Store(n)
		} else {
			before[level].next[level].Store(n)
		}
	}
	return n
}

// levels returns on how many levels a new node is: one in four nodes of a level is on the next.
func (t *Table) levels() int {
	t.random = t.random*6364136223846793005 + 1442695040888963407 // Knuth's MMIX
	return 1 + min(height-1, bits.LeadingZeros64(t.random|1)/2)
}
