// Package renew asks providers again about users who are signed in, and decides what the answers mean for their sessions:
// claims are renewed, stay as they are, or the session ends. docs/renewal.md has the table.
//
//   - refresh.go decides whether and when a session is renewed and who waits for it, renewal.go uses the refresh token,
//     refresh_errors.go sorts the refusals of the provider;
//   - silent.go does so for sessions without a refresh token, whose browser goes to the provider and back;
//   - backoff_set.go keeps which sessions are not renewed for a while after a failure.
//
// It never sends a browser anywhere and answers no request: package signin does. It does not decide who may enter.
package renew
