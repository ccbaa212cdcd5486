// Package remembered keeps what a browser remembers about its users between sign-ins: each user's answer to "Stay
// signed in?", and how many users have signed in with it, which can make it a shared device.
//
//   - answers.go keeps the answers in a cookie;
//   - users.go counts the users of a browser in the store.
//
// It does not decide whether the question is asked; package prompt does.
package remembered
