// Package store contains the guest modules `latchkey.stores.*`, which store sessions. It opens each store once per
// process, and keeps it and the cache of its sessions over reloads.
//
// The stores are implemented in session/filestore and session/redisstore. This package only reads their configuration, and
// tells how much room is left for a file.
package store
