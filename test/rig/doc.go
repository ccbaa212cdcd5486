// Package rig holds what the end-to-end tests stand on: the gateway as a real process, a certified OpenID provider, a
// provider that tells any lie on demand, a real browser, a plain HTTP client that follows nothing by itself, an app
// that remembers every request that reached it, and a Redis with a line that can be cut.
//
// It decides nothing about the product and knows its endpoints and cookies only as text. A program that is missing is
// a failure that names the remedy, never a skipped test. Nothing waits without a bound.
package rig
