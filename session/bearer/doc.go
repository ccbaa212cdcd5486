// Package bearer lets programs in that present an access token instead of a session: it decides whether a token is genuine,
// for this site and still good, what it says of its user and client, and what a program is answered that has none or whose
// token is not enough (RFC 6750, 9068, 9449, 9470, 9728; introspection by RFC 7662).
//
// It makes no token, no session and no cookie, prompts for nothing and redirects nothing. It does not decide who may enter: the
// policies of the site do.
//
//   - presented.go reads what a request presents; verifier.go decides on a token, by claims.go, with the keys of an issuer
//     (issuer.go) or by asking the issuer (introspect.go); proof.go checks that a client has the key of its token,
//     replays.go that it says so only once; own.go decides on the tokens that Latchkey itself issues,
//     unknown.go remembers those that no one has issued; guesses.go holds off addresses that guess, turns.go says which of their
//     tokens is next, slow.go lets all others go first;
//   - token.go is what a verified token says, kept.go keeps it for a while;
//   - refused.go are the refusals, answer.go how they are told, basic.go to which clients first, resource.go what the site publishes about itself.
package bearer
