// Package pending keeps what waits in the store for a browser to come back in the course of a sign-in:
//
//   - a sign-in that is finished but for the answer to "Stay signed in?" (signin.go), and how many there may be (bound.go),
//   - a ticket that hands a session over to another host (ticket.go),
//   - a form that met a session which was over (form.go),
//   - what a provider wants to be asked for at the next sign-in (challenge.go).
//
// Each is sealed, ends at a time, and is given to one of several callers at most. The package decides who gets it and until
// when. It never makes a session, and never decides what an answer means.
package pending
