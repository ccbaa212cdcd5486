// Package wellknown decides how long a document that a server publishes about itself is used, who fetches it again, and
// which document is refused: metadata of an authorization server (RFC 8414), of a transmitter of events (Shared Signals
// Framework 1.0, section 7).
//
// It does not know where such a document is, nor what its fields mean.
//
//   - kept.go keeps a document, fetch.go fetches one.
package wellknown
