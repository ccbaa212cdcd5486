// Command bench measures what Latchkey costs beside plain Caddy: real processes of the same binary, one whose
// reverse_proxy passes a request on unchecked, cookie included, and others that check the same request.
//
//	make bench
//	go run ./bench -quick
//
// Sessions are written straight into the stores, under the keys that the gateways have, so that fifty thousand take
// seconds. Every session comes once; then the cases take short turns, round after round, so that whatever else the
// machine does hits all of them. What counts is CPU: of all requests of a case in the quieter half of the rounds, as a
// ratio to plain Caddy's in the same rounds, with its standard error. Ratios travel from machine to machine, microseconds
// do not. After that people really sign in, prompt included, at a small OpenID provider inside this process, and sessions
// end on one replica while a client asks another. The result goes to standard output as Markdown, and into a chart.
//
// It decides nothing about what is good: what the design promises is printed beside the figures.
//
// Package rig is what all measurements stand on. Packages request, signin, refresh, signout, events and guess measure one
// thing each, package peers other gateways.
package main
