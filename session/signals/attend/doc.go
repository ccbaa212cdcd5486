// Package attend keeps a stream of events going: it asks the transmitter for events where they are polled (RFC 8936),
// asks for verifications, reads the status of the stream, and notices that a stream is silent.
//
// One replica at a time does that for a stream. The package verifies no event and decides nothing about one; package
// signals does.
package attend
