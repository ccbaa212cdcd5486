// Package filestore keeps sessions in one file on the gateway's own disk. It is the default store, for one gateway
// process. Sessions survive restarts: an acknowledged write is on the disk, even if the process or the machine then
// fails.
//
// The file is a bbolt database, mode 0600, locked while it is open: a second process gets ErrLocked. A write goes to a log
// beside it first (package wal), and is acknowledged when that is synced. It also lies in a layer of memory over the
// database (package overlay), through which all reads look. A few seconds later, or when there is much, the layer is moved
// to the database in one transaction. So what is written and deleted again within seconds, as by a sign-in, costs the database
// next to nothing. What a crash leaves in the log is moved when the file is opened. Close moves everything, so that the
// file has it all and needs no log; until then the format of the database keeps out programs that know no log.
//
// Writers share syncs: writes that arrive during a sync are part of the next one. Reads never wait for writers. An expired
// record is never returned, and is removed in small batches in the background. The file therefore stays as large as the
// largest number of sessions that were live at the same time; it does not shrink.
//
// The sign-in log is kept in the same file, by the contract of journal.Journal, and shares the syncs.
//
// A file that is not a session file, or is damaged, is an error (ErrDamaged) when it is opened or used, never a panic
// and never an empty store: a failing disk signs no user out. A log in which a write is missing is damage too, and
// a log that belongs to another database is refused.
//
// After a write or sync of the log has failed, no write is taken until all that was acknowledged has been written to the
// database from memory, and a new log can be written. Ping says so.
//
// The package makes no decision about sessions and does not read the values, which are sealed.
//
// The files:
//
//   - config.go, open.go and unlock.go open the file; unlock_other.go is for systems without its locks;
//   - store.go has the methods of session.Store, stamp.go asks whether an entry is unchanged, step.go has those that write a new entry, write.go shares syncs between writers, records.go has the format,
//     sweep.go removes what has expired;
//   - disk.go is the database with its log and layers, layers.go is what lies over the database and how it is read, cursor.go goes through the keys of both, changes.go has
//     the records of the log, drain.go moves layers to the database, mend.go makes another log when it has failed, guard.go
//     makes errors of panics;
//   - feed.go is the feed within the process; journal.go, streams.go and owned.go keep the sign-in log.
package filestore
