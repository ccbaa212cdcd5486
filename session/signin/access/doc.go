// Package access handles each request of a signed-in user: it finds the session of the request, checks whether a site
// accepts it and whether it has ended, and sets and clears its cookie. It also contains what all parts of sign-in
// share: the configuration, a site, a visit, the sign-in log and the gateway's own answers.
//
//   - config.go and site.go are the input of the caller, with idle.go, which also finds the rule of idle_sign_out for a
//     path; environment.go is derived from it;
//   - authenticate.go finds the session of a request, expiry.go logs a session whose limit has passed and enforces
//     idle_sign_out, tighten.go turns a persistent session into a browser session;
//   - session_cookie.go creates a session, hands out its cookie and clears it; owner_cookie.go keeps what an app
//     stores in the browser apart from other users; bound_cookie.go is the second cookie of a session that is bound to a
//     device, binding.go says what a user can do whose session is not;
//   - tokens.go is what a sign-out and the user's own page know of tokens for programs;
//   - recorder.go writes log entries and emits events, responder.go answers with a page or with its JSON form for
//     scripts.
//
// It does not send a browser to a provider (package signin does), request claims from a provider (package renew does)
// or evaluate a policy (the Gate does). It imports none of the packages of the flow, which are above it.
package access
