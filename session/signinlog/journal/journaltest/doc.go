// Package journaltest holds the contract of journal.Journal as one test suite, and offers Memory, a journal for tests of
// what stands on top of one. Like the suite for session stores it knows nothing about how a journal works inside and
// never waits: time passes when it says so.
package journaltest
