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
//
// The files:
//
//   - manager.go puts the parts together: load.go answers whether a session may be used, which
//     is where its limits and revocations are enforced, create.go makes one,
//     write.go changes and removes records, renew.go changes what goes on, end.go ends;
//   - record.go is the whole record, session.go what a request looks at of it, codec.go its bytes, vault.go seals it and the tokens,
//     token.go is the value of the cookie;
//   - lifetime.go has the limits, last_use.go writes last uses, watch.go looks at sessions with open streams;
//   - cache.go is what this process knows, entries.go the sessions among it, feed.go how replicas tell each other of
//     writes, health.go how the store is;
//   - index.go lists the sessions of a user, list.go reads the lists;
//   - revoke_before.go has the times before which all sessions are over, revoked_subjects.go what was reported of users
//     and who was signed out a moment ago, replay_writes.go writes again what a failover forgot;
//   - store.go is the contract of a store.
package session
