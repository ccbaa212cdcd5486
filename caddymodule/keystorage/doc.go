// Package keystorage keeps the key ring in Caddy's storage, which the members of a cluster share: it loads the ring,
// creates the first key, rotates and retires keys, and follows the changes of other replicas.
//
// Package session/keyring decides what a key seals. A ring that cannot be read is never replaced, because that would
// end all sessions.
package keystorage
