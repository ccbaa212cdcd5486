// Package guess measures how much slower the requests of users are while wrong tokens arrive in numbers.
//
//   - guess.go is the run; kinds.go is what arrives beside the users: tokens that are wrong in several ways, and requests that
//     nothing is wrong with, to compare; cost.go is what one of these takes;
//   - flood.go has a crowd in a process of its own; floor.go is the least that any server takes that answers a crowd;
//   - report.go is what the turns show.
package guess
