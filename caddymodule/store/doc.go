// Package store holds the guest modules `latchkey.stores.*`: where sessions live. It opens each store once for the whole
// process and keeps it, with the cache of its sessions, over reloads.
//
// What a store does is in session/filestore and session/redisstore. This package reads their configuration and nothing else.
package store
