// Package session knows who is signed in, and until when.
//
// A session is the record of one sign-in of one browser: whose it is, its kind (browser or persistent), when it began,
// when it was last used, and the two limits it is held to, idle limit and max lifetime. The arithmetic of the limits is
// in lifetime.go and has no side effects. Manager creates, loads, tightens and ends sessions over a Store; package
// storetest proves that a store keeps the contract.
//
// What a browser holds is a Token: the random id and a random secret of its session, sealed with the keys of package
// keyring. A store sees only a hash of the id and sealed values: the record is sealed under the key ring, the provider's
// tokens inside it under the secret in the cookie as well. So a stolen store shows no token, and an administrator cannot
// act as a user.
//
// The package never decides who may enter (package policy) or how somebody signs in (package signin). It knows no
// HTTP, no OpenID Connect, no Caddy and no clock but the one it is given. Beside the standard library it imports only
// packages below it: keyring and internal.
package session
