package session

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

// Sealed values are compressed first: the claims, the groups in them and the groups on their own say much the same, and
// much the same as everybody's. The first byte tells what follows.
const (
	packedRaw = 0
	// packedWords: the length of the tail and the tail as it is, then the rest compressed with words.
	packedWords = 2
	// packedCut: the lengths of the tail and of the identifiers that were cut, both as they are, then the rest compressed
	// with words.
	packedCut = 3
)

var flateWriters = sync.Pool{New: func() any {
	w, _ := flate.NewWriterDict(io.Discard, flate.DefaultCompression, []byte(words)) // fails for an unknown level only
	return w
}}

// smallValue is up to what size a value that lives for minutes is not worth compressing.
const smallValue = 4 << 10

// packBriefly is pack for what is read and gone within minutes: the time counts more than the room.
func packBriefly(plain []byte) ([]byte, error) {
	if len(plain) <= smallValue {
		return append([]byte{packedRaw}, plain...), nil
	}
	return pack(plain, 0)
}

// pack leaves the last bytes, as many as tail says, as they are: they are sealed already, so nothing would come of them
// but worse codes for the rest. It refuses what unpack would refuse, so that nothing is written that cannot be read (A47).
func pack(plain []byte, tail int) ([]byte, error) {
	if len(plain) > maxUnpacked {
		return nil, fmt.Errorf("a value of %d bytes is too large to keep: at most %d", len(plain), maxUnpacked)
	}
	head := plain[:len(plain)-tail]
	rest, random := cut(head)
	var buf bytes.Buffer
	buf.Grow(len(plain) + 1 + 2*binary.MaxVarintLen32)
	buf.WriteByte(packedCut)
	buf.Write(binary.AppendUvarint(buf.AvailableBuffer(), uint64(tail))) //nolint:gosec // a length
	buf.Write(binary.AppendUvarint(buf.AvailableBuffer(), uint64(len(random))))
	buf.Write(plain[len(head):])
	buf.Write(random)
	w := flateWriters.Get().(*flate.Writer)
	defer flateWriters.Put(w)
	w.Reset(&buf)
	_, _ = w.Write(rest) // a bytes.Buffer takes everything
	_ = w.Close()
	// Each mark that stands in the record itself takes a byte more in the rest, of which unpack reads no more than that.
	if buf.Len() <= len(plain) && len(rest) <= maxUnpacked {
		return buf.Bytes(), nil
	}
	return append([]byte{packedRaw}, plain...), nil
}

var flateReaders = sync.Pool{New: func() any { return flate.NewReader(bytes.NewReader(nil)) }}

// maxUnpacked bounds what a sealed value may grow to. We sealed it ourselves; the bound is for our own mistakes.
const maxUnpacked = 4 * MaxValue

func unpack(packed []byte) ([]byte, error) {
	if len(packed) == 0 {
		return nil, errMalformed
	}
	switch packed[0] {
	case packedRaw:
		return packed[1:], nil
	case packedWords:
		tail, rest, ok := lengths(packed[1:], 1)
		if !ok {
			return nil, errMalformed
		}
		return inflate(rest[tail[0]:], []byte(words), rest[:tail[0]])
	case packedCut:
		sizes, rest, ok := lengths(packed[1:], 2)
		if !ok {
			return nil, errMalformed
		}
		tail, random, rest := rest[:sizes[0]], rest[sizes[0]:sizes[0]+sizes[1]], rest[sizes[0]+sizes[1]:]
		head, err := inflate(rest, []byte(words), nil)
		if err != nil {
			return nil, err
		}
		if head, err = mend(head, random); err != nil {
			return nil, err
		}
		if len(head)+len(tail) > maxUnpacked {
			return nil, fmt.Errorf("%w: over %d bytes", errMalformed, maxUnpacked)
		}
		return append(head, tail...), nil
	default:
		return nil, errMalformed
	}
}

// lengths reads so many lengths of what follows them. ok is false if there is less than they say.
func lengths(data []byte, n int) (sizes [2]int, rest []byte, ok bool) {
	for i := range n {
		size, used := binary.Uvarint(data)
		if used <= 0 || size > maxUnpacked {
			return sizes, nil, false
		}
		sizes[i], data = int(size), data[used:]
	}
	return sizes, data, sizes[0]+sizes[1] <= len(data)
}

func inflate(packed, dictionary, tail []byte) ([]byte, error) {
	fr := flateReaders.Get().(io.ReadCloser)
	defer flateReaders.Put(fr)
	if err := fr.(flate.Resetter).Reset(bytes.NewReader(packed), dictionary); err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	var buf bytes.Buffer
	buf.Grow(3*len(packed) + len(tail))
	if _, err := io.Copy(&buf, io.LimitReader(fr, maxUnpacked+1)); err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	if buf.Len()+len(tail) > maxUnpacked {
		return nil, fmt.Errorf("%w: over %d bytes", errMalformed, maxUnpacked)
	}
	buf.Write(tail)
	return buf.Bytes(), nil
}
