// Package signals receives the events that transmitters push to a site, and answers them as RFC 8935 requires.
//
// It decides nothing about an event: package session/signals verifies it and carries it out.
package signals
