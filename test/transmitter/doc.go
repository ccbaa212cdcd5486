// Package transmitter is a transmitter of security events for tests: it publishes metadata and keys, manages a stream, pushes,
// and has polled, whatever a test wants, also what no transmitter should send.
package transmitter
