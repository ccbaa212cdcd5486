// Package signin is how a session begins and ends: the OpenID Connect sign-in, the "Stay signed in?" prompt, sign-out,
// and the cookies that carry all of it.
//
// It takes a browser without a session and brings it back with one: authorization code flow with PKCE, state and
// nonce; the provider's answer validated; the policies asked whether the user may enter; the prompt decision; the
// answer; the session; and the page that was first asked for. The state of a sign-in under way lives sealed in a
// cookie, so anonymous requests write nothing and a restart loses nothing.
//
// With access.Config.SignInHost one host does all of that for all sites. There is one session record then, and each host has a
// cookie that opens it, sealed for that host alone: handover.go is what a site asks of the sign-in host, ticket.go how it
// gets the session, by a ticket that is good for one browser, one host, once and for a minute.
//
// A Service is made of parts, from low to high in parts.go; none reaches one above it:
//
//   - who is signed in is package access: the session of a request, its cookie, the log and the answers that say no;
//   - claims are renewed by package renew; silent.go sends the browser for them where there is no refresh token;
//   - the flow to the provider: flow.go is what travels, envelopes.go seals it, begin.go sends the browser away, challenge.go
//     does so for a request that a site's guard turns down, signin.go is the endpoint;
//   - the way back: callback.go, which has package oidc redeem the code, admit.go, prompt.go, complete.go;
//     package prompt decides whether to ask, prompt_unanswered.go keeps what waits for an answer and logs what got none;
//   - signout.go and provider_signout.go for the ends, package account for the user's own page, scripts.go for the pages of
//     apps, preserve.go for a form that is kept through a sign-in.
//
// It never decides whether a user may enter: access.Gate does, which the caller implements. It knows net/http and package oidc,
// and neither Caddy nor a store's driver.
package signin
