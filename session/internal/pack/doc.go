// Package pack writes a record as bytes and reads it back. A record is written in two steps:
//
// 1. fields.go: each field as tag, length and value (FieldWriter, FieldReader). The caller assigns the tags.
// 2. pack.go: the result is compressed against a dictionary of common text (dictionary.go), by package deflate.
//
// It decides how many bytes a record takes and which bytes can be read (ErrMalformed). It does not decide what a record
// means, and does not seal it; package keyring does.
//
// Records are stored for months, so every form that was ever written can still be read.
package pack
