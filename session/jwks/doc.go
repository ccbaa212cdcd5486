// Package jwks decides whether a signature is of a key that an issuer publishes (JSON Web Key Set, RFC 7517). It fetches
// the keys, keeps them for a limited time, and bounds what a token of a stranger can cost.
//
// It never looks at what was signed, and does not know who the issuer is: a caller compares the issuer, the audience and
// everything else.
//
// The files: keys.go has the keys, token.go how a token is verified with one, split.go its parts.
package jwks
