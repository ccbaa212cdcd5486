// Package session stores who is signed in, and until when.
//
// A session is the record of one sign-in of one browser: the user, its kind (browser or persistent), its start, its
// last use, and its two limits, idle limit and max lifetime. lifetime.go computes the limits without side effects.
// Manager creates, loads, tightens and ends sessions in a Store. Package storetest tests that a store keeps the
// contract.
//
// A browser has a Token: the random ID and a random secret of its session, sealed with the keys of package keyring. A
// store has only a hash of the ID and sealed values. The record is sealed with the key ring; the provider's tokens in
// it are also sealed with the secret in the cookie. So a stolen store reveals no token, and an administrator cannot act
// as a user.
//
// The package does not decide who may enter (package policy) or how a user signs in (package signin). It knows no HTTP,
// no OpenID Connect and no Caddy, and its clock is a parameter. Besides the standard library it imports only packages
// below it: keyring and internal.
package session
