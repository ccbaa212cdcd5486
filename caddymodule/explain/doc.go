// Package explain returns the decision on a request that no client has sent (Estate.Explain), and what another
// configuration would change for the existing users (Replay).
//
// It follows the steps of package site; a property test checks that both agree. It writes nothing and makes no request
// to a provider.
//
// The files:
//
//   - query.go is the question, imagined.go the request made of it, decide.go takes it through the steps, prompt.go
//     and idle.go say what comes of a sign-in and of idle time, text.go prints;
//   - impact.go replays sessions and sign-ins, impact_judge.go judges one user, impact_mail.go handles mail
//     addresses, impact_text.go prints;
//   - signal.go says what was reported about a user, and what an event would do.
package explain
