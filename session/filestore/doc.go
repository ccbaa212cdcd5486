// Package filestore keeps sessions in one file on the gateway's own disk: the embedded default, for one gateway
// process. It survives restarts; a write that was acknowledged is on the disk, whatever happens to the process or the
// machine next.
//
// The file is a bbolt database, mode 0600, locked while it is open: a second process gets ErrLocked. Writers share
// syncs: what waits while one sync runs is written by the next. Reads never wait for writers. What has expired is
// never returned, and swept in small batches in the background, so the file stays as large as the sessions that were
// alive at once; it does not shrink.
//
// The sign-in log is kept in the same file, as journal.Journal says, and shares the syncs.
//
// A file that is no session file, or is damaged, is an error (ErrDamaged) when it is opened or used, never a panic and
// never an empty store: nobody is signed out because a disk is dying.
//
// The package decides nothing about sessions and does not look into values, which are sealed.
package filestore
