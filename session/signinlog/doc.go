// Package signinlog is the sign-in log: one record for each outcome of a sign-in, with the field names and codes of
// Entra's log, so that queries written for that log work unchanged.
//
// It defines the form of a record and where it is written. It does not decide an outcome. A record never contains a
// token, a code, a cookie or a secret; a session appears as a short hash. The codes are for administrators and their
// queries; no part of Latchkey depends on them (E0).
//
// The files:
//
//   - record.go is an entry, fields.go writes it under the names of Entra's log, codes.go has the codes, device.go
//     the browser and system;
//   - log.go keeps entries, keep.go and shares.go bound how many, day.go orders them by day, seal.go seals them;
//   - read.go and query.go find entries, own.go those of one user, repeats.go leaves repeated ones out.
package signinlog
