// Package identity writes what a site tells its application about a user into header values: with an encoding, with a
// selection of groups, and without values that the encoding cannot represent.
//
// Two different texts never become the same value, because an application that compares user names must not confuse two
// users. A value that an encoding cannot represent is therefore not sent, and the log says so. The package makes no
// decision about users, and filters only what is written: policies see all groups. It runs once for each version of a
// session's record and site, not at every request.
//
// docs/headers.md describes the encodings for developers of applications; a test checks its examples.
package identity
