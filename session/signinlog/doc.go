// Package signinlog is the sign-in log: one record for each outcome of a sign-in, with the field names and codes of
// Entra's log, so that queries written for that log work unchanged.
//
// It defines the form of a record and where it is written. It does not decide an outcome. A record never contains a
// token, a code, a cookie or a secret; a session appears as a short hash. The codes are for administrators and their
// queries; no part of Latchkey depends on them (E0).
package signinlog
