// Package account is the user's own page, /.latchkey/me, and its JSON form for scripts: the user's sessions and
// sign-ins, and what the user may change about them.
//
//   - account.go has the dependencies of the page, changes.go admits a user and performs changes;
//   - overview.go collects what is shown, stay.go makes a session persistent or turns it into a browser session;
//   - tokens.go lists and revokes the user's tokens for programs, new_token.go makes one.
//
// It does not begin a sign-in itself, does not send users to the provider itself and never shows the sessions of
// another user. It uses the flow through the interfaces SignIn and SignOut.
package account
