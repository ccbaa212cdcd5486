// Package boundtest is the part of a browser that binds sessions to its device, for tests: it reads offers and challenges,
// and signs proofs with a key of its own.
package boundtest
