// Package monday measures a Monday morning: many people sign in within a minute from one address, with the limits that hold
// by default, beside people who are signed in already.
//
//   - monday.go: the run, its size and its figures
//   - users.go: the requests of those who are signed in, and what they are compared with
//   - arrivals.go: the people who sign in; outside.go: their process, which the provider shares
package monday
