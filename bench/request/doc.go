// Package request measures what a request of a signed-in user costs beside plain Caddy. The cases take short turns, round
// after round, so that whatever else the machine does hits all of them. It also counts the memory that a request takes for a
// moment, that of a session in the cache, and that of a session in Redis.
package request
