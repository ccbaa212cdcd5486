package session

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"sync"
)

// Sealed values are compressed first: the claims, the groups in them and the groups on their own say much the same.
// The first byte tells what follows.
const (
	packedRaw   = 0
	packedFlate = 1
)

var flateWriters = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(io.Discard, flate.DefaultCompression) // fails for an unknown level only
	return w
}}

// pack refuses what unpack would refuse, so that nothing is written that cannot be read (A47).
func pack(plain []byte) ([]byte, error) {
	if len(plain) > maxUnpacked {
		return nil, fmt.Errorf("a value of %d bytes is too large to keep: at most %d", len(plain), maxUnpacked)
	}
	var buf bytes.Buffer
	buf.Grow(len(plain) + 1)
	buf.WriteByte(packedFlate)
	w := flateWriters.Get().(*flate.Writer)
	defer flateWriters.Put(w)
	w.Reset(&buf)
	_, _ = w.Write(plain) // a bytes.Buffer takes everything
	_ = w.Close()
	if buf.Len() <= len(plain) {
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
	case packedFlate:
		fr := flateReaders.Get().(io.ReadCloser)
		defer flateReaders.Put(fr)
		if err := fr.(flate.Resetter).Reset(bytes.NewReader(packed[1:]), nil); err != nil {
			return nil, fmt.Errorf("%w: %w", errMalformed, err)
		}
		var buf bytes.Buffer
		buf.Grow(3 * len(packed))
		if _, err := io.Copy(&buf, io.LimitReader(fr, maxUnpacked+1)); err != nil {
			return nil, fmt.Errorf("%w: %w", errMalformed, err)
		}
		if buf.Len() > maxUnpacked {
			return nil, fmt.Errorf("%w: over %d bytes", errMalformed, maxUnpacked)
		}
		return buf.Bytes(), nil
	default:
		return nil, errMalformed
	}
}
