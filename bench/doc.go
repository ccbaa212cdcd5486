// Command bench measures what Latchkey costs beside plain Caddy: real processes of the same binary, one that checks
// every request and one whose reverse_proxy passes the same request, cookie included, on unchecked.
//
//	make bench
//	go run ./bench -latchkey ./latchkey -sessions 1000 -rounds 12
//
// Each case gets sessions of its own by really signing in, prompt included, at a small OpenID provider inside this
// process. Then the cases take turns, round after round, so that whatever else the machine does hits all of them; a
// case's figure is the median over the quieter half of the rounds of its ratio to plain Caddy in the same round. Ratios
// travel from machine to machine, microseconds do not. The result goes to standard output as Markdown.
//
// It decides nothing about what is good: the budget is in the design, and a run prints figures only. Linux only, as it
// reads /proc.
package main
