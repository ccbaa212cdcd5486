// Package ratelimit limits how often one client address may send expensive requests. Its memory has a fixed size:
// however many addresses a flood comes from, the table does not grow and needs no sweep. It knows no HTTP.
//
//   - limiter.go: a table of token buckets
//   - requests.go: the limits of sign-in, at the address until it is known whose a request is
//   - flights.go: how many requests are under way at the same time
package ratelimit
