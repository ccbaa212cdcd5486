package filestore

import (
	"bytes"

	bolt "go.etcd.io/bbolt"

	"github.com/latchkey-gateway/latchkey/session/filestore/overlay"
)

// cursor goes through the keys of a part, in the layers and in the database together. A change in a layer hides what is
// below it. It is moved only while nothing is written.
type cursor struct {
	sources  [3]source // from the newest to the database
	n        int
	at       []byte
	end      []byte // where it ends on its way forward, if it is set
	backward bool
	in       *snapshot
}

// source is one of the places where a cursor reads. Its key is nil when it is at the end.
type source struct {
	walk    overlay.Walk
	low     *bolt.Cursor // in place of the walk
	key     []byte
	value   []byte
	deleted bool
}

// Cursor returns a cursor that stands nowhere yet.
func (p *part) Cursor() *cursor {
	c := &cursor{in: p.in}
	for _, l := range []*layer{p.in.layers.active, p.in.layers.frozen} {
		if l != nil && !l.tables[p.which].Empty() {
			c.sources[c.n].walk = l.tables[p.which].Walk(p.in.number)
			c.n++
		}
	}
	if b := p.below(); b != nil {
		c.sources[c.n].low = b.Cursor()
		c.n++
	}
	return c
}

// Until ends the cursor before a key. What was deleted after that is not looked at.
func (c *cursor) Until(end []byte) *cursor {
	c.end = end
	return c
}

// First goes to the first key. Like every move it returns nil if there is none.
func (c *cursor) First() (key, value []byte) {
	c.backward = false
	for i := range c.n {
		c.sources[i].first()
	}
	return c.settle()
}

// Last goes to the last key.
func (c *cursor) Last() (key, value []byte) {
	c.backward = true
	for i := range c.n {
		c.sources[i].last()
	}
	return c.settle()
}

// Seek goes to the first key that is not below the given one.
func (c *cursor) Seek(key []byte) (k, v []byte) {
	c.backward = false
	for i := range c.n {
		c.sources[i].seek(key)
	}
	return c.settle()
}

// Next goes to the key after the one where the cursor is.
func (c *cursor) Next() (key, value []byte) {
	switch {
	case c.at == nil:
		return nil, nil
	case c.backward:
		at := c.at
		c.Seek(at)
		if !bytes.Equal(c.at, at) {
			return c.settle()
		}
	}
	c.pass(c.at)
	return c.settle()
}

// Prev goes to the key before the one where the cursor is.
func (c *cursor) Prev() (key, value []byte) {
	switch {
	case c.at == nil:
		return nil, nil
	case c.backward:
		c.pass(c.at)
	default:
		c.backward = true
		for i := range c.n {
			c.sources[i].before(c.at)
		}
	}
	return c.settle()
}

// settle finds the key that comes next of all sources, and the newest that has it.
func (c *cursor) settle() (key, value []byte) {
	for {
		var found *source
		for i := range c.n {
			if s := &c.sources[i]; s.key != nil && (found == nil || c.ahead(s.key, found.key)) {
				found = s
			}
		}
		if found == nil || c.end != nil && !c.backward && bytes.Compare(found.key, c.end) >= 0 {
			c.at = nil
			return nil, nil
		}
		if c.at = found.key; !found.deleted {
			return found.key, found.value
		}
		c.in.passed++
		c.pass(found.key)
	}
}

func (c *cursor) ahead(a, b []byte) bool {
	if c.backward {
		a, b = b, a
	}
	return bytes.Compare(a, b) < 0
}

// pass moves every source that stands at the key.
func (c *cursor) pass(key []byte) {
	for i := range c.n {
		switch s := &c.sources[i]; {
		case s.key == nil || !bytes.Equal(s.key, key):
		case c.backward:
			s.prev()
		default:
			s.next()
		}
	}
}

func (s *source) set(c overlay.Change, found bool) {
	if !found {
		c = overlay.Change{}
	}
	s.key, s.value, s.deleted = c.Key, c.Value, c.Deleted
}

func (s *source) first() {
	if s.low != nil {
		s.key, s.value = s.low.First()
		return
	}
	s.set(s.walk.First())
}

func (s *source) last() {
	if s.low != nil {
		s.key, s.value = s.low.Last()
		return
	}
	s.set(s.walk.Last())
}

func (s *source) seek(key []byte) {
	if s.low != nil {
		s.key, s.value = s.low.Seek(key)
		return
	}
	s.set(s.walk.Seek(key))
}

func (s *source) next() {
	if s.low != nil {
		s.key, s.value = s.low.Next()
		return
	}
	s.set(s.walk.Next())
}

func (s *source) prev() {
	if s.low != nil {
		s.key, s.value = s.low.Prev()
		return
	}
	s.set(s.walk.Before(s.key))
}

// before goes to the last key below the given one.
func (s *source) before(key []byte) {
	switch {
	case s.low == nil:
		s.set(s.walk.Before(key))
	default:
		if at, _ := s.low.Seek(key); at == nil {
			s.key, s.value = s.low.Last()
		} else {
			s.key, s.value = s.low.Prev()
		}
	}
}
