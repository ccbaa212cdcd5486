// Package refresh ensures that only one replica at a time uses the refresh token of a session (lease.go), and records
// whether the token was sent or refused before (attempt.go): a single-use token must not be sent twice (RFC 9700,
// section 4.14.2).
//
// It only keeps notes in the store. It does not send tokens, and does not decide what a refusal means.
package refresh
