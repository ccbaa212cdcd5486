// Command bench measures what Latchkey costs beside plain Caddy: real processes, one whose handler in the place of latchkey
// does nothing (package baseline), and others that check the same request with the same cookie.
//
//	make bench
//	go run ./bench -quick
//
// Sessions are written straight into the stores, under the keys that the gateways have, so that fifty thousand take
// seconds. Every session comes once; then the cases take short turns between those of plain Caddy, and all processes are
// started again a few times: package lives says why. Ratios travel from machine to machine, microseconds do not. After that
// people really sign in, prompt included, at a small OpenID provider inside this process, and sessions end on one replica
// while a client asks another. The result goes to standard output as Markdown, and into a chart.
//
// It decides nothing about what is good: what is promised is printed beside the figures, in one table (package target).
//
// Package rig is what all measurements stand on. Packages request, signin, refresh, signout, events and guess measure one
// thing each, package peers other gateways.
package main
