package deflate

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"sync"
)

const (
	// maxShort is the longest text that is compressed here. All of it and of the dictionary is within the distance that
	// the format can express.
	maxShort = 16 << 10
	// maxDictionary is the longest dictionary.
	maxDictionary = 15 << 10

	minMatch = 4
	maxMatch = 258
	// tries is how many earlier places are looked at for the longest match. A match of niceMatch bytes is taken at once.
	tries     = 32
	niceMatch = 64

	hashBits = 12
)

// Dictionary compresses texts that resemble it. It is safe for concurrent use.
type Dictionary struct {
	text []byte
	// last has, for each hash, the place of its last occurrence; 0 is none, so that the first byte is never found.
	last [1 << hashBits]uint16
	// works are pieces of memory for a text each.
	works sync.Pool
	// long are writers for long texts.
	long sync.Pool
}

// work is the memory that compressing a text takes.
type work struct {
	// buf has the dictionary, then the text.
	buf  []byte
	last [1 << hashBits]uint16
	// before has, for each place, the one before it with the same hash.
	before []uint16
	tokens []token
	block  block
}

// NewDictionary returns a dictionary of at most 15 KB. What is most likely stands at its end.
func NewDictionary(text string) *Dictionary {
	d := &Dictionary{text: []byte(text)[:min(len(text), maxDictionary)]}
	before := make([]uint16, len(d.text))
	learn(d.text, &d.last, before, 0, len(d.text)-minMatch+1)
	d.works.New = func() any {
		w := &work{buf: make([]byte, len(d.text), len(d.text)+maxShort), before: make([]uint16, len(d.text)+maxShort)}
		copy(w.buf, d.text)
		copy(w.before, before)
		return w
	}
	d.long.New = func() any {
		w, _ := flate.NewWriterDict(io.Discard, flate.DefaultCompression, d.text) // fails only for an unknown level
		return w
	}
	return d
}

// Append appends a compressed text to a buffer.
func (d *Dictionary) Append(to, text []byte) []byte {
	if len(text) > maxShort {
		return d.appendLong(to, text)
	}
	w := d.works.Get().(*work)
	defer d.works.Put(w)
	w.buf = append(w.buf[:len(d.text)], text...)
	w.last = d.last
	w.find(len(d.text))
	return w.block.appendTo(to, w.tokens)
}

func (d *Dictionary) appendLong(to, text []byte) []byte {
	buf := bytes.NewBuffer(to)
	w := d.long.Get().(*flate.Writer)
	defer d.long.Put(w)
	w.Reset(buf)
	_, _ = w.Write(text) // a bytes.Buffer takes everything
	_ = w.Close()
	return buf.Bytes()
}

func hash(at []byte) uint32 {
	return binary.LittleEndian.Uint32(at) * 0x9e3779b1 >> (32 - hashBits)
}

// learn notes the places from one to another, each of which has minMatch bytes.
func learn(buf []byte, last *[1 << hashBits]uint16, before []uint16, from, to int) {
	for ; from < to; from++ {
		h := hash(buf[from:])
		before[from] = last[h]
		last[h] = uint16(from) //nolint:gosec // maxDictionary and maxShort are less than 1<<16 together
	}
}

// find makes tokens of the text, which begins at a place of buf. A match is taken only if there is no longer one at the
// next byte.
func (w *work) find(at int) {
	w.tokens = w.tokens[:0]
	end := len(w.buf) - minMatch + 1 // the first place with too few bytes for a match
	length, distance := 0, 0
	if at < end {
		length, distance = w.match(at, minMatch-1)
	}
	for at < len(w.buf) {
		next, nextDistance := 0, 0
		if at+1 < end && length < niceMatch {
			next, nextDistance = w.match(at+1, max(length, minMatch-1))
		}
		if length == 0 || next > length {
			w.tokens = append(w.tokens, literal(w.buf[at]))
			at++
			length, distance = next, nextDistance
			continue
		}
		w.tokens = append(w.tokens, repeated(length, distance))
		learn(w.buf, &w.last, w.before, at+2, min(at+length, end))
		if at += length; at < end {
			length, distance = w.match(at, minMatch-1)
		} else {
			length, distance = 0, 0
		}
	}
}

// match notes a place, and returns the longest match for it of more than a number of bytes; 0 if there is none.
func (w *work) match(at, more int) (length, distance int) {
	h := hash(w.buf[at:])
	found := int(w.last[h])
	w.before[at] = uint16(found) //nolint:gosec // it was one
	w.last[h] = uint16(at)       //nolint:gosec // see learn
	text := w.buf[at:min(at+maxMatch, len(w.buf))]
	for range tries {
		if found == 0 || more >= len(text) {
			break
		}
		if earlier := w.buf[found:]; earlier[more] == text[more] {
			n := 0
			for n < len(text) && earlier[n] == text[n] {
				n++
			}
			if n > more {
				more, length, distance = n, n, at-found
				if n >= niceMatch {
					break
				}
			}
		}
		found = int(w.before[found])
	}
	return length, distance
}
