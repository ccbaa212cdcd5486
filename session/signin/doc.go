// Package signin implements the begin and end of a session: the OpenID Connect sign-in, the "Stay signed in?" prompt,
// sign-out, and their cookies.
//
// A sign-in has these steps: the authorization code flow with PKCE, state and nonce; the validation of the provider's
// answer; the policies; the prompt decision; the answer; the session; and the requested page. The state of a sign-in in
// progress is sealed in a cookie, so anonymous requests write nothing to the store and a restart loses nothing.
//
// With access.Config.SignInHost one host does all of that for all sites. There is then one session record, and each
// host has its own cookie that opens it, sealed for that host. sign_in_host.go is a site's request to the sign-in
// host. handover.go hands the session to the site, by a ticket that is valid once, for one minute, for one browser and one
// host.
//
// A Service consists of parts, in parts.go from low to high; no part uses a higher one. service.go routes the endpoints
// to them, and limits.go limits how often an address may ask for one.
//
//   - package access finds who is signed in: the session of a request, its cookie, the log and the refusals;
//   - package renew renews claims; silent.go redirects the browser for them if there is no refresh token;
//   - the flow to the provider: flow.go is its state, envelopes.go seals it, begin.go sends the browser to the provider,
//     challenge.go does so for a request that a site's guard refuses, signin.go is the endpoint;
//   - the way back: callback.go, which calls package oidc to redeem the code, admit.go, prompt.go, complete.go; package
//     prompt decides whether to ask, prompt_unanswered.go keeps sign-ins that wait for an answer and logs abandoned ones;
//   - token_grant.go fetches a grant of the provider for the tokens of a user's programs;
//   - bound_wait.go is where a page waits for the browser to bind the session to its device;
//   - signout.go and provider_signout.go end sessions, package account is the user's own page, scripts.go serves pages of
//     apps, preserve.go keeps a form during a sign-in;
//   - package bound binds sessions to devices, bound_retry.go answers requests that do not prove the device, bound_count.go
//     counts what browsers are answered.
//
// It does not decide whether a user may enter: access.Gate does, which the caller implements. It knows net/http and
// package oidc, but neither Caddy nor a store's driver.
package signin
