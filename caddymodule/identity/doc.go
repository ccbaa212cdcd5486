// Package identity writes what a site tells its application of a user into the values of headers: in which encoding, which
// groups of a list, and what is left out because it cannot be written.
//
// No two texts become the same value: an application that compares user names must never take one user for another. What
// an encoding cannot write is therefore left out, and the log says so. The package decides nothing about users, and
// filters only what is written: policies have all groups. It works once for each version of a session's record and site,
// not at every request.
//
// docs/headers.md describes the encodings for people who write applications; a test holds its examples.
package identity
