// Package demo is `latchkey demo`: all of Latchkey on one machine, in one process, without installation.
//
// It starts an OpenID provider with three users (package provider), a small app that has no sign-in of its own, and
// Caddy with Latchkey between them, configured by a Caddyfile that --print-caddyfile shows. Package card is the look of
// the pages of provider and app. Everything listens on loopback addresses only, and one data directory contains what
// must survive a restart.
//
// The package decides on the parts of the demo. It contains no session, policy or sign-in logic: it uses that of the
// product, with the printed configuration. Nothing of it is reachable from `latchkey run`.
package demo
