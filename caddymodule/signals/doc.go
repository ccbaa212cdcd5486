// Package signals receives the events that transmitters push to a site, and answers them as RFC 8935
// requires. It starts and stops what polls, and what looks after a stream, with the configuration.
//
// It decides nothing about an event: package session/signals verifies it and carries it out.
package signals
