package pack

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/latchkey-gateway/latchkey/session/internal/deflate"
)

// Values are compressed before they are sealed: the claims, the groups in them and the list of groups repeat each
// other, and the records of users resemble each other. The first byte identifies the form.
const (
	packedRaw = 0
	// packedDictionary: the length of the tail and the uncompressed tail, then the rest compressed with the dictionary.
	packedDictionary = 2
	// packedExtracted is read, but not written any more: see extracted.go.
	packedExtracted = 3
)

var compressed = deflate.NewDictionary(dictionary)

// smallValue is the size up to which compressing a short-lived value is not worth the time.
const smallValue = 4 << 10

// ShortLived is Pack for a value that is read within minutes: time matters more than space.
func ShortLived(plain []byte) ([]byte, error) {
	if len(plain) <= smallValue {
		return append([]byte{packedRaw}, plain...), nil
	}
	return Pack(plain, 0)
}

// Pack compresses a record. It does not compress the last tail bytes: they are already sealed and would not become
// smaller. It refuses what Unpack would refuse, so that every written record can be read (A47).
func Pack(plain []byte, tail int) ([]byte, error) {
	if len(plain) > MaxUnpacked {
		return nil, fmt.Errorf("a value of %d bytes is too large to keep: at most %d", len(plain), MaxUnpacked)
	}
	head := plain[:len(plain)-tail]
	packed := make([]byte, 0, len(plain)+1+binary.MaxVarintLen32)
	packed = binary.AppendUvarint(append(packed, packedDictionary), uint64(tail)) //nolint:gosec // a length
	packed = compressed.Append(append(packed, plain[len(head):]...), head)
	if len(packed) <= len(plain) {
		return packed, nil
	}
	return append([]byte{packedRaw}, plain...), nil
}

var dictionaryText = []byte(dictionary)

// reader is what reading one record takes.
type reader struct {
	packed  bytes.Reader
	inflate io.ReadCloser
}

var readers = sync.Pool{New: func() any { return &reader{inflate: flate.NewReader(bytes.NewReader(nil))} }}

// MaxUnpacked is the largest record, in bytes: four times the largest value that a store accepts. Sealed values come
// only from Latchkey itself, so this bound protects against bugs.
const MaxUnpacked = 256 << 10

// Unpack returns what Pack or ShortLived was given. It returns ErrMalformed for anything else.
func Unpack(packed []byte) ([]byte, error) {
	if len(packed) == 0 {
		return nil, ErrMalformed
	}
	switch packed[0] {
	case packedRaw:
		return packed[1:], nil
	case packedDictionary:
		tail, rest, ok := lengths(packed[1:], 1)
		if !ok {
			return nil, ErrMalformed
		}
		return inflate(rest[tail[0]:], rest[:tail[0]])
	case packedExtracted:
		return unpackExtracted(packed[1:])
	default:
		return nil, ErrMalformed
	}
}

// lengths reads n lengths of the parts that follow. ok is false if the data is shorter than they say.
func lengths(data []byte, n int) (sizes [2]int, rest []byte, ok bool) {
	for i := range n {
		size, used := binary.Uvarint(data)
		if used <= 0 || size > MaxUnpacked {
			return sizes, nil, false
		}
		sizes[i], data = int(size), data[used:]
	}
	return sizes, data, sizes[0]+sizes[1] <= len(data)
}

func inflate(packed, tail []byte) ([]byte, error) {
	r := readers.Get().(*reader)
	defer readers.Put(r)
	r.packed.Reset(packed)
	if err := r.inflate.(flate.Resetter).Reset(&r.packed, dictionaryText); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	plain := make([]byte, 0, 4*len(packed)+len(tail)+minRead)
	for {
		n, err := r.inflate.Read(plain[len(plain):cap(plain)])
		if plain = plain[:len(plain)+n]; len(plain)+len(tail) > MaxUnpacked {
			return nil, fmt.Errorf("%w: over %d bytes", ErrMalformed, MaxUnpacked)
		}
		if errors.Is(err, io.EOF) {
			return append(plain, tail...), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		plain = slices.Grow(plain, minRead)
	}
}

// minRead is the least room for a read.
const minRead = 64
