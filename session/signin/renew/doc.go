// Package renew requests the claims of signed-in users from their providers again, and decides what the answers mean
// for the sessions: the claims are renewed or stay, or the session ends. docs/renewal.md has the table.
//
//   - recheck.go decides whether and when a session is renewed and which requests wait for it, renewal.go decides
//     on the use of the refresh token and records it (package oidc sends it), refresh_errors.go classifies the refusals of the provider;
//   - access_token.go renews for another access token, whatever the age of the claims;
//   - silent.go decides on sessions without a refresh token, whose browser then is redirected to the provider and back;
//   - backoff_set.go keeps which sessions are not renewed for a while after a failure.
//
// It does not redirect browsers and answers no request; package signin does. It does not decide who may enter.
package renew
