// Package redistest starts real Redis servers for tests, on free loopback ports, with nothing kept on disk. It uses
// the machine's own redis-server and fails a test clearly where that is missing; it never skips one.
package redistest
