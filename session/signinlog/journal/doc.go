// Package journal is the contract of a store for the sign-in log: opaque values in streams, in the order in which they
// were appended, readable from either end.
//
// It only defines the interface between stores and the log. The caller decides what a value contains, how it is sealed,
// to which stream it belongs and how long it is kept. Package journaltest has a test suite for the contract; every
// store that implements Journal runs it.
package journal
