// Package account is the user's own page, /.latchkey/me, and its twin for scripts: which sessions and sign-ins a user has,
// and what the user may change about them.
//
//   - account.go is what the page needs of others, changes.go lets a user in and takes what they change;
//   - overview.go is what is shown, stay.go makes a session persistent or one that ends with the browser.
//
// It never begins a sign-in, never leaves for the provider and never shows the sessions of another user. What the page needs
// of the flow are the interfaces SignIn and SignOut.
package account
