// Package site handles the requests of one site: it scrubs them, serves the sign-in endpoints, guards the rest and sets
// identity headers. serve.go has the steps in their order; guard.go has the steps for a request that needs a sign-in.
//
// It describes a request to package policy and carries out the decision. It makes no decision itself. A Site never
// changes after it is built: a reload builds a new one.
package site
