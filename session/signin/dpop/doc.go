// Package dpop proves to a provider that this gateway has the key to which a token is bound (RFC 9449), so that a token
// that leaks from a log or a proxy is worth nothing elsewhere.
//
// A Key belongs to one session. Proving is an HTTP transport that adds a proof to each request, remembers the nonces that
// a server demands, and repeats a request once if only the nonce was missing.
//
// It never decides which requests need a proof, and keeps no key: its caller does both.
package dpop
