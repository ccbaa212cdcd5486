// Package transmitter is a transmitter of security events for tests: it publishes metadata and keys, and pushes whatever a
// test wants it to, also what no transmitter should send.
package transmitter
