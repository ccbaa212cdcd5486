// Package explain says what would be decided on a request that no client has made (Estate.Explain), and what another
// configuration would change for the users that there are (Replay).
//
// It goes the way of package site step for step; a property test holds the two together. It writes nothing and asks no
// provider.
package explain
