// Package provider is the OpenID provider of `latchkey demo`: real enough that a relying party meets every rule it
// would meet elsewhere (discovery, authorization code with PKCE, one-time codes, rotated refresh tokens, sign-out),
// and small enough to read in one sitting.
//
// It decides who signs in by asking: its page offers three people and no password. It therefore never belongs in
// front of anything real, and nothing but the demo imports it. It keeps no cookie and no session of its own, so each
// trip to /authorize asks again: what a browser remembers is Latchkey's doing alone. It serves one client, answers to
// its issuer's host name only, and everything it remembers has a bound and an end.
package provider
