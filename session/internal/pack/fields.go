package pack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"
)

// ErrMalformed is the error for bytes that cannot be read. They were opened with our key, so another version wrote
// them, or this is a bug.
var ErrMalformed = errors.New("malformed record")

// FieldWriter writes fields, each as tag, length and value. An empty field is not written, unless the comment of its
// method says so.
type FieldWriter struct {
	// Out is what has been written.
	Out []byte
}

func (w *FieldWriter) head(tag uint64, size int) {
	w.Out = binary.AppendUvarint(w.Out, tag)
	w.Out = binary.AppendUvarint(w.Out, uint64(size)) //nolint:gosec // a length
}

// Put writes a field, an empty one too.
func (w *FieldWriter) Put(tag uint64, v []byte) {
	w.head(tag, len(v))
	w.Out = append(w.Out, v...)
}

// Bytes writes bytes.
func (w *FieldWriter) Bytes(tag uint64, v []byte) {
	if len(v) > 0 {
		w.Put(tag, v)
	}
}

// Str writes a text.
func (w *FieldWriter) Str(tag uint64, v string) {
	if v != "" {
		w.text(tag, v)
	}
}

func (w *FieldWriter) text(tag uint64, v string) {
	w.head(tag, len(v))
	w.Out = append(w.Out, v...)
}

// List writes one field for each element, empty ones too: a group named "" is not the absence of a group.
func (w *FieldWriter) List(tag uint64, vs []string) {
	for _, v := range vs {
		w.text(tag, v)
	}
}

// Num writes a number; 0 is not written.
func (w *FieldWriter) Num(tag uint64, v int64) {
	if v != 0 {
		w.varint(tag, v)
	}
}

// Time writes milliseconds in 64 bits, so that dates after 2038 work (A48). The zero time is not written.
func (w *FieldWriter) Time(tag uint64, t time.Time) {
	if !t.IsZero() {
		w.varint(tag, t.UnixMilli())
	}
}

func (w *FieldWriter) varint(tag uint64, v int64) {
	var digits [binary.MaxVarintLen64]byte
	w.Put(tag, digits[:binary.PutVarint(digits[:], v)])
}

// FieldReader reads what FieldWriter has written, field by field:
//
//	r := pack.FieldReader{Data: data}
//	for r.Next() {
//		switch r.Tag { ... }
//	}
//	return r.Err
type FieldReader struct {
	// Data is the part that has not been read yet.
	Data []byte
	// Tag and Value belong to the field that Next has read. Raw is the whole encoded field.
	Tag        uint64
	Value, Raw []byte
	// Err is ErrMalformed after a field could not be read.
	Err error
}

// Next reads the next field. It returns false at the end and on an error.
func (r *FieldReader) Next() bool {
	if r.Err != nil || len(r.Data) == 0 {
		return false
	}
	tag, n := binary.Uvarint(r.Data)
	if n <= 0 {
		r.Err = ErrMalformed
		return false
	}
	size, m := binary.Uvarint(r.Data[n:])
	if m <= 0 || size > uint64(len(r.Data)-n-m) {
		r.Err = ErrMalformed
		return false
	}
	end := n + m + int(size) //nolint:gosec // size is at most the length of data, checked above
	r.Tag, r.Value, r.Raw, r.Data = tag, r.Data[n+m:end], r.Data[:end], r.Data[end:]
	return true
}

// Str returns the value as a part of text, which is all the data as a string, so that the fields of a record share one
// string.
func (r *FieldReader) Str(text string) string {
	end := len(text) - len(r.Data)
	return text[end-len(r.Value) : end]
}

// Blob returns a copy of the value. An empty field reads as an absent one.
func (r *FieldReader) Blob() []byte {
	if len(r.Value) == 0 {
		return nil
	}
	return bytes.Clone(r.Value)
}

// Num reads a number into to.
func (r *FieldReader) Num(to *int64) {
	v, n := binary.Varint(r.Value)
	if n != len(r.Value) || n <= 0 {
		r.Err = ErrMalformed
		return
	}
	*to = v
}

// Time reads a time into to.
func (r *FieldReader) Time(to *time.Time) {
	var ms int64
	r.Num(&ms)
	*to = time.UnixMilli(ms).UTC()
}
