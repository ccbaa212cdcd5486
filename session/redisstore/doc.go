// Package redisstore keeps sessions in Redis or Valkey, which several gateways can share. It supports a single server,
// Sentinel and Cluster, with Redis 6 or newer or any Valkey.
//
// Each method is one command or one script on one key, so it is atomic, takes one round trip, and works in a cluster.
// Apply and Append are one script on several keys, and in a cluster one of these after the other for each part.
// An entry is a string (version 8 bytes, end 8 bytes, value); an index is a sorted set by end. Every key has a TTL,
// which the server counts from the remaining time. Therefore a gateway with a wrong clock does not change the lifetime
// of another gateway's sessions.
//
// A Stamp is the beginning of an entry, which tells a gateway that has the entry whether it has changed. Those that are asked
// for at the same time share a round trip, one to each node of a cluster. So do writes that are tried once, on a single
// server without replicas to wait for: each is a command of its own with an answer of its own.
//
// The sign-in log is kept in the same database, by the contract of journal.Journal: one Redis stream a day, one field
// per entry, with a TTL like every key. A sorted set for each user lists the newest entries of that user. Only Trim,
// Owned and, in a cluster, an Append of entries with an owner take two round trips.
//
// A failure is never reported as "not found": a server that is down, hanging, loading, full or demoted results in
// session.ErrUnavailable, always within two seconds. The store works again as soon as the server does. Reads and
// idempotent writes are tried twice. Create, Replace and Remove are tried once, because a repeated call could mistake
// its own first attempt for another caller's.
//
// Limits: Redis replicates asynchronously, so a failover may lose the last writes. Package failover describes what is
// done about it, with a numbered list of the steps of a write. A server with an eviction policy loses sessions when it
// is full; use maxmemory-policy noeviction.
//
// Errors and log lines of this package never contain a password.
//
// The files:
//
//   - config.go opens a store, store.go has the methods of session.Store, step.go those that write a new entry, batch.go
//     reads several keys and drops listings, enlist.go lists members, scripts.go has the other scripts;
//   - stamp.go has the look-ups that share their way, lookups.go one such way, lanes.go that to each server;
//   - entry.go has the names of keys and the bytes of values, and computes the time to live; store.go, step.go and
//     scripts.go set it, enlist.go that of an index;
//   - feed.go is the feed of the store, journal.go and owned.go the sign-in log;
//   - advice.go and facts.go are for the operator, log.go is the client's own log.
package redisstore
