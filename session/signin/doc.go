// Package signin is how a session begins and ends: the OpenID Connect sign-in, the "Stay signed in?" prompt, sign-out,
// and the cookies that carry all of it.
//
// It takes a browser without a session and brings it back with one: authorization code flow with PKCE, state and
// nonce; the provider's answer validated; the policies asked whether the person may come in; the prompt decision; the
// answer; the session; and the page that was first asked for. The state of a sign-in under way lives sealed in a
// cookie, so anonymous requests write nothing and a restart loses nothing.
//
// With Config.SignInHost one host does all of that for all sites. There is one session record then, and each host has a
// cookie that opens it, sealed for that host alone: handover.go is what a site asks of the sign-in host, finish.go how it
// gets the session, by a ticket that is good for one browser, one host, once and for a minute.
//
// It never decides whether somebody may enter: Gate does, which the caller implements. It knows net/http and go-oidc,
// and neither Caddy nor a store's driver.
package signin
