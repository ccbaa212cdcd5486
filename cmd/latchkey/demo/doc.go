// Package demo is `latchkey demo`: the whole of Latchkey on one machine, in one process, with nothing to install.
//
// It starts an OpenID provider with three people (package provider), a small app that knows nothing about sign-in, and
// Caddy with Latchkey between them, configured by a Caddyfile that --print-caddyfile shows. Package card is how the pages of
// provider and app look. Everything listens on loopback addresses only, and what must survive a restart lives in one data
// directory.
//
// The package decides what the demo consists of. It contains no session, policy or sign-in logic: those are the
// product's own, run from the printed configuration like anybody's. Nothing of it is reachable from `latchkey run`.
package demo
