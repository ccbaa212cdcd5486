// Package apitoken keeps the tokens that Latchkey itself issues to programs: the personal tokens of users, and service
// tokens, which belong to no user. It decides what a token looks like, which tokens exist, until when, and what is known of
// the user behind one.
//
// A token is shown once. The store has a hash of it, as the key of a sealed entry; so a stolen store reveals no token. A
// token is for one app.
//
// It does not decide whether a request may pass: package bearer decides whether the token that a request presents is good,
// and the policies decide on the user. It asks no provider: its caller renews sessions.
//
//   - text.go is what a token looks like, token.go what is kept of one, codec.go its bytes;
//   - keeper.go makes, finds and revokes tokens, list.go finds those of a user, page.go lists all;
//   - owner.go keeps what is known of the users who have tokens, named.go finds them by a name, standing.go makes it fresh,
//     grant.go with a session of its own.
package apitoken
