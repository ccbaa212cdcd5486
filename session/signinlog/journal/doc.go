// Package journal is the contract of a place that keeps the sign-in log: opaque values in streams, in the order in
// which they were appended, read from either end.
//
// It decides how stores and the log talk to each other, and nothing else: what a value holds, how it is sealed, which
// stream it goes to and how long it is kept is up to whoever appends. Package journaltest holds the contract as a test
// suite; every store that implements Journal runs it.
package journal
