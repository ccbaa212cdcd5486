// Package renew requests the claims of signed-in users from their providers again, and decides what the answers mean
// for the sessions: the claims are renewed or stay, or the session ends. docs/renewal.md has the table.
//
//   - recheck.go decides whether and when a session is renewed and which requests wait for it, renewal.go uses the
//     refresh token, refresh_errors.go classifies the refusals of the provider;
//   - silent.go is for sessions without a refresh token, whose browser is redirected to the provider and back;
//   - backoff_set.go keeps which sessions are not renewed for a while after a failure.
//
// It does not redirect browsers and answers no request; package signin does. It does not decide who may enter.
package renew
