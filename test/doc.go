// Package e2e tests Latchkey from outside: real browsers sign in at a real OpenID provider through a real gateway
// process in front of an app, on a real Redis. What the semantics and the attack list promise is asserted here as a
// browser, an attacker or an operator sees it; the rules themselves are tested where they live.
//
// Tests name the rows that they hold: K for the prompt, A for attacks, X, B, L and O as in the semantics.
package e2e
