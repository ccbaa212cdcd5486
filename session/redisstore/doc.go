// Package redisstore keeps sessions in Redis or Valkey: the store that several gateways share. One server, Sentinel
// and Cluster are configuration; from Redis 6 or any Valkey on.
//
// Each method is one command or one script on one key, so it is atomic, one round trip, and at home in a cluster. An
// entry is a string (version 8 bytes, end 8 bytes, value), an index a sorted set by end; every key has a TTL, counted
// by the server from the time that is left, so a gateway's clock that is wrong moves no session of another gateway.
//
// The sign-in log is kept beside the sessions, as journal.Journal says: a Redis stream a day, one field an entry, with a
// TTL like every key. A sorted set for each person names their newest entries. Only Trim, Owned and an Append of somebody's
// entries take two round trips.
//
// A failure is never "not found": a server that is down, hanging, loading, full or demoted gives
// session.ErrUnavailable, within two seconds whatever happens, and the store works again as soon as the server does.
// Reads and what may be repeated are tried twice; Create, Replace and Remove once, because a repeated one could take
// its own first try for somebody else's.
//
// What it cannot promise: Redis replicates asynchronously, so a failover may forget the last writes. Package failover says
// what is done about it, with a numbered list of the way of a write. A server with an eviction policy forgets sessions when
// it is full. Use maxmemory-policy noeviction.
//
// No error and no log line of this package holds a password.
package redisstore
