// Package useragent reads what a client states about itself: its operating system, and whether it behaves like a
// browser.
//
// None of this is proof (semantics P7, A14): a client can send any value. It suits rules that block and rules that
// demand more from every matching client. It does not suit rules that grant access. A client that does not clearly name
// one of the known systems has the system unknown: one that states nothing, contradicts itself, or names another
// system.
//
// The package only reads headers, makes no decision about users, and allocates nothing per request.
package useragent
