// Package signinlog is the sign-in log: one record for each outcome of a sign-in, with the field names and codes of
// Entra's log, so that queries written for it run unchanged.
//
// It decides what a record looks like and where it goes. It never decides an outcome, and it never holds a token, a
// code, a cookie or a secret: a session appears as a short hash. The codes are for people and their queries; no part
// of Latchkey reacts to one (E0).
package signinlog
