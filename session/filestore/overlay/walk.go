package overlay

import "bytes"

// Walk goes through the keys of a table as of a batch, those that were deleted included.
type Walk struct {
	t     *Table
	batch uint64
	at    *node
}

// Walk begins before the first key.
func (t *Table) Walk(batch uint64) Walk { return Walk{t: t, batch: batch} }

// First goes to the first key.
func (w *Walk) First() (Change, bool) { return w.forward(w.t.after(nil, 0)) }

// Seek goes to the first key that is not below the given one.
func (w *Walk) Seek(key []byte) (Change, bool) { return w.forward(w.t.notBelow(key, nil)) }

// Next goes to the key after the one that was returned last.
func (w *Walk) Next() (Change, bool) { return w.forward(w.t.after(w.at, 0)) }

func (w *Walk) forward(n *node) (Change, bool) {
	for ; n != nil; n = w.t.after(n, 0) {
		if c, found := n.at(w.batch); found {
			w.at = n
			return c, true
		}
	}
	return Change{}, false
}

// Last goes to the last key.
func (w *Walk) Last() (Change, bool) { return w.backward(nil) }

// Before goes to the last key below the given one.
func (w *Walk) Before(key []byte) (Change, bool) { return w.backward(key) }

// backward has no links to follow: each step begins at the head.
func (w *Walk) backward(key []byte) (Change, bool) {
	for {
		n := w.t.below(key)
		if n == nil {
			return Change{}, false
		}
		if c, found := n.at(w.batch); found {
			w.at = n
			return c, true
		}
		key = n.key
	}
}

// below returns the last node whose key is below the given one, or the last of all for nil.
func (t *Table) below(key []byte) (at *node) {
	for level := height - 1; level >= 0; level-- {
		for next := t.after(at, level); next != nil && (key == nil || bytes.Compare(next.key, key) < 0); next = t.after(at, level) {
			at = next
		}
	}
	return at
}
