// Package storetest is a test suite for the contract of session.Store, so that a session revoked in one store is
// revoked in every store (A61). A store runs it in its own test:
//
//	func TestContract(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storetest.Subject { ... })
//	}
//
// It also has Memory, a store without a file or a server, for tests of code that uses a store. Memory is only for
// tests: it loses all sessions at a restart. Clock and Until are for any test: a controlled clock, and polling for what
// needs real time.
//
// The suite does not depend on how a store works inside, and never waits: it controls the clock.
//
// The files:
//
//   - subject.go runs the suite on a store; entries.go, batch.go, steps.go, stamps.go, indexes.go, feed.go, failures.go and races.go are
//     its parts, model.go compares a store with a plain model;
//   - memory.go is Memory, interrupted.go a store that fails when told to, clock.go and until.go are for any test.
package storetest
