// Package remembered is what a browser remembers of its users between sign-ins: the answer to "Stay signed in?" of each, and
// how many users have signed in with it, which makes it a shared device.
//
//   - answers.go keeps the answers in a cookie;
//   - users.go counts the users of a browser in the store.
//
// It never decides whether the question is asked: package prompt does.
package remembered
