// Package pack writes a record as bytes and reads it back. A record is written in two steps:
//
//  1. fields.go: each field as tag, length and value (FieldWriter, FieldReader). Callers know what the tags mean.
//  2. pack.go: all of it is compressed against a dictionary of what records usually say (dictionary.go).
//
// It decides how many bytes a record takes and which bytes can be read at all (ErrMalformed). It never decides what a
// record means, and never seals it: that is package keyring's.
//
// What is written here is stored for months, so every form that was ever written can still be read.
package pack
