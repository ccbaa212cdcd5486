// Package site is the way of a request at one site: scrub, endpoints of sign-in, guard, identity headers. serve.go has the
// steps in their order, guard.go those of a request that needs a sign-in.
//
// It describes a request to package policy and carries out the decision. It decides nothing by itself, and it never changes
// once it is built: a reload builds another one.
package site
