// Package refresh sees to it that the refresh token of a session is used by one replica at a time (lease.go), and knows
// whether it was sent or refused before (attempt.go): a token that works once must not be sent twice (RFC 9700, section
// 4.14.2).
//
// It keeps notes in the store and nothing else. It never sends a token, and never decides what a refusal means.
package refresh
