// Package wal is a log that is written before a file is: a record is appended and synced at once, and what is in it reaches
// the file later, together with much else. After a crash the records that have not reached it are read from the log.
//
// A log has two segments, which are files. One is appended to while the content of the other is written to the file; then
// they change places, and the space of the second is used again. So a sync writes blocks that the segment has already, and
// the file system has nothing of its own to write.
//
// Every record has the name of its log, its number and a checksum, and begins a block of its own: no block with a record
// that was acknowledged is written again. The file knows the last number that has reached it. What follows must be there
// without a gap. A record that was cut off by a crash is the last one, and was not acknowledged; a gap is damage. Records
// of a log with another name are what was left of an earlier one, and do not count.
//
// A log whose write or sync has failed takes no further record: what is on the disk is then unknown.
//
// The files:
//
//   - record.go is a record as bytes, log.go appends, replay.go reads;
//   - sync_linux.go and sync_other.go make what was written durable.
package wal
