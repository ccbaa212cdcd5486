// Package overlay keeps changes of a file in memory, in the order of their keys, until they are written to the file. The
// changes of a batch become visible together: a reader names the last batch that it sees, and never waits for the writer.
//
// One goroutine writes, any number read. A key that was deleted is kept as such, because the file below may still have it.
// The package does no I/O, and does not know what keys and values mean.
//
// The files:
//
//   - table.go is what is written and looked up;
//   - walk.go goes through the keys in their order, in both directions.
package overlay
