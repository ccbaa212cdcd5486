// Package storetest holds the contract of session.Store as one test suite, so that a session revoked in one store is
// revoked in every store (A61). A store runs it in its own test:
//
//	func TestContract(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storetest.Subject { ... })
//	}
//
// It also offers Memory, a store without a file or a server, for tests of what stands on top of a store. Memory is
// never offered as a product: it forgets everybody at each restart. Clock and Until are for any test: time that passes when
// told to, and waiting for what only real time brings.
//
// The suite knows nothing about how a store works inside and never waits: time passes when it says so.
package storetest
