// Package site handles the requests of one site: it scrubs them, serves the sign-in endpoints, guards the rest and sets
// identity headers. serve.go has the steps in their order; guard.go has the steps for a request that needs a sign-in.
//
// It describes a request to package policy and carries out the decision. It makes no decision itself. A Site never
// changes after it is built: a reload builds a new one.
//
// The files:
//
//   - site.go and build.go make a Site, tenant.go is what all sites share, matchers.go and readings.go are the
//     matchers of the rules;
//   - serve.go, guard.go and request.go are the way of a request, program.go that of a program with an access token;
//     inbound.go says how it came in, activity.go whether it counts as use, earlydata.go and cross_origin.go refuse some;
//   - policy_input.go describes the request to the policies, siteview.go is what is known of its user;
//   - identity.go and assertion.go set what the app is told, access_token.go gives it the user's access token;
//   - streams.go ties WebSockets and event streams to the session, revocable_writer.go long answers, inflight.go
//     requests that send nothing, all by terms.go (package session notices the end);
//   - report.go and metrics.go record what was decided, also in a trace.
package site
