// Package pending keeps data in the store that waits for a browser to come back during a sign-in:
//
//   - a sign-in that is finished but for the answer to "Stay signed in?" (signin.go, content.go), where it is
//     listed (lists.go), how many there may be (bound.go), and what this process need not read of them (copies.go),
//   - a ticket that hands a session over to another host (ticket.go),
//   - a form that was sent after its session had ended (form.go),
//   - what the next sign-in must request from the provider (challenge.go).
//
// Each is sealed, has an end, and is returned to at most one of several callers. The package decides which caller gets
// it and until when. It does not create sessions, and does not decide what an answer means.
package pending
