// Package keystorage keeps the key ring in Caddy's storage, which the members of a cluster share: it loads the ring, makes the
// first key, rotates and retires keys, and follows the changes of other replicas.
//
// What a key seals is decided in session/keyring. A ring that cannot be read is never replaced: all sessions would end.
package keystorage
