// Package filestore keeps sessions in one file on the gateway's own disk. It is the default store, for one gateway
// process. Sessions survive restarts: an acknowledged write is on the disk, even if the process or the machine then
// fails.
//
// The file is a bbolt database, mode 0600, locked while it is open: a second process gets ErrLocked. Writers share
// syncs: writes that arrive during a sync are part of the next one. Reads never wait for writers. An expired record is
// never returned, and is removed in small batches in the background. The file therefore stays as large as the largest
// number of sessions that were live at the same time; it does not shrink.
//
// The sign-in log is kept in the same file, by the contract of journal.Journal, and shares the syncs.
//
// A file that is not a session file, or is damaged, is an error (ErrDamaged) when it is opened or used, never a panic
// and never an empty store: a failing disk signs no user out.
//
// The package makes no decision about sessions and does not read the values, which are sealed.
//
// The files:
//
//   - config.go, open.go and unlock.go open the file; unlock_other.go is for systems without its locks;
//   - store.go has the methods of session.Store, stamp.go asks whether an entry is unchanged, step.go has those that write a new entry, write.go shares syncs between writers, records.go has the format,
//     sweep.go removes what has expired;
//   - feed.go is the feed within the process; journal.go, streams.go and owned.go keep the sign-in log.
package filestore
