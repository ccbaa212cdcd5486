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
// In the order of a sign-in: start.go, callback.go, exchange.go and idtoken.go, claims.go, admit.go, decide.go, prompt.go,
// answer.go. Beside it: stepup.go and demand.go for what a policy asks for, recheck.go and silent.go for claims that are asked
// for anew, signout.go, backchannel.go and frontchannel.go for the ends, me*.go for people's own page, scripts.go and idle.go
// for the pages of apps, refuse.go for every answer that is a no, framed.go for its form in a frame.
//
// It never decides whether somebody may enter: Gate does, which the caller implements. It knows net/http and go-oidc,
// and neither Caddy nor a store's driver.
package signin
