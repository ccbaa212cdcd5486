// Package explain returns the decision on a request that no client has sent (Estate.Explain), and what another
// configuration would change for the existing users (Replay).
//
// It follows the steps of package site; a property test checks that both agree. It writes nothing and makes no request
// to a provider.
package explain
