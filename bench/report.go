package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// report is everything that a run found out.
type report struct {
	options  options
	caddy    string
	pinned   bool
	variants []variant
	// loads are the measurements, by number of connections.
	loads []load
	// garbage is by variant.
	garbage []memory
	// signInVariants, signIns and the turns of signInRounds are in the same order.
	signInVariants []variant
	signIns        []signInCost
	signInRounds   []round
	// cached is the memory of a session in the cache, as each case with many found it.
	cached []memory
	// inRedis is what a session takes of a Redis that holds as many as a case with many: with a refresh
	// token, without, and without but with an id_token_hint.
	inRedis    []float64
	refreshes  *refreshes // nil without Redis, as is revocation
	revocation *latency
}

type load struct {
	connections int
	rounds      []round
}

// write prints the report as Markdown.
func (r *report) write(w io.Writer) error {
	p := &printer{w: w}
	for _, load := range r.loads {
		r.writeLoad(p, load)
	}
	r.writeBeside(p)
	r.writeGarbage(p)
	r.writeDifferences(p)
	r.writeSignIns(p)
	r.writeSizes(p)
	p.printf("Machine: %s; Caddy %s; GOGC=%s for every gateway; ", machine(), r.caddy, r.options.gogc)
	if r.pinned {
		p.printf("gateway and Redis on one core, load, app and provider on the others, so requests/s is what one core carries.\n")
	} else {
		p.printf("nothing pinned.\n")
	}
	p.printf("CPU is user + system time of the gateway and its Redis; the app's page has %d bytes; plain http on 127.0.0.1, kept alive.\n", len(page))
	return p.err
}

func (r *report) writeLoad(p *printer, l load) {
	kept := quieter(l.rounds)
	p.printf("### A request, %d connections\n\n", l.connections)
	p.printf("| case | sessions | CPU µs | CPU ratio | owed (stretch) | requests/s | ratio | p50 ms | p99 ms | p99 ratio |\n")
	p.printf("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for i, v := range r.variants {
		ratio, owed := cpuRatio(kept, i, 0), ""
		if v.owed > 0 {
			owed = fmt.Sprintf("%.2f (%.2f)", v.owed, v.stretch)
		}
		sessions := ""
		if !v.plain {
			sessions = fmt.Sprint(r.options.people[v.people])
		}
		p.printf("| %s | %s | %.0f | **%.3f** ± %.3f | %s | %.0f | %.2f | %.2f | %.2f | %.2f |\n", v.name, sessions,
			cost(kept, i), ratio.value, ratio.err, owed,
			median(over(kept, func(r round) float64 { return r[i].rate() })),
			median(over(kept, func(r round) float64 { return r[i].rate() / r[0].rate() })),
			median(over(kept, func(r round) float64 { return milliseconds(r[i].p50) })),
			median(over(kept, func(r round) float64 { return milliseconds(r[i].p99) })),
			median(over(kept, func(r round) float64 { return float64(r[i].p99) / float64(r[0].p99) })))
	}
	p.printf("\nOf %d rounds of %s a case, the %d in which the machine had least else to do: CPU of all their requests together, ± its\n", len(l.rounds), r.options.slice, len(kept))
	p.printf("standard error; the others are medians of the rounds. Meanwhile something else used %.0f %% of a core (median).\n\n", 100*median(over(kept, noise)))
}

func (r *report) writeGarbage(p *printer) {
	p.printf("### Memory that a request takes for a moment\n\n| case | bytes | pieces | more than plain Caddy |\n| --- | --- | --- | --- |\n")
	for i, g := range r.garbage {
		plain := r.garbage[0]
		p.printf("| %s | %.0f | %.1f | %+.0f bytes, %+.1f pieces |\n", r.variants[i].name, g.bytes, g.pieces, g.bytes-plain.bytes, g.pieces-plain.pieces)
	}
	p.printf("\n")
}

// writeDifferences compares cases that differ in one thing.
func (r *report) writeDifferences(p *printer) {
	kept := quieter(r.loads[0].rounds)
	rows := []struct{ what, of, than string }{
		{"one session to many, file", "cached, file, many sessions", "cached, file, one session"},
		{"one session to many, Redis", "cached, Redis, many sessions", "cached, Redis, one session"},
		{"no policy to 100", "cached, file, 100 policies", "cached, file"},
		{"not bound to bound to a device, Redis", "cached, Redis, bound to a device", "cached, Redis"},
		{"a program's request, plain Caddy to an access token that is known, Redis", "access token of a program, Redis", "plain Caddy, requests of a program"},
		{"no groups to ten", "cached, file, ten groups in a header", "cached, file"},
		{"three headers that anybody sets to a session that is checked", "cached, file", "plain Caddy that sets three headers"},
		{"the same with ten groups", "cached, file, ten groups in a header", "plain Caddy that sets ten groups too"},
	}
	p.printf("### What one more thing costs\n\n| from | CPU of a request |\n| --- | --- |\n")
	for _, row := range rows {
		i, base := r.index(row.of), r.index(row.than)
		if i < 0 || base < 0 {
			continue
		}
		e := cpuRatio(kept, i, base)
		p.printf("| %s | %+.1f %% ± %.1f |\n", row.what, 100*(e.value-1), 100*e.err)
	}
	p.printf("\n")
}

// writeBeside compares each case with its twin of the other gateway.
func (r *report) writeBeside(p *printer) {
	if r.options.beside == "" {
		return
	}
	p.printf("### This gateway : the one beside it\n\n| case | CPU ratio |\n| --- | --- |\n")
	pairs(p, r.variants, quieter(r.loads[0].rounds))
	if len(r.signInRounds) > 0 {
		pairs(p, r.signInVariants, quieter(r.signInRounds))
	}
	p.printf("\n")
}

func pairs(p *printer, variants []variant, rounds []round) {
	for i, v := range variants {
		if v.beside {
			e := cpuRatio(rounds, i-1, i)
			p.printf("| %s | **%.3f** ± %.3f |\n", variants[i-1].name, e.value, e.err)
		}
	}
}

func (r *report) index(name string) int {
	return slices.IndexFunc(r.variants, func(v variant) bool { return v.name == name })
}

func (r *report) writeSignIns(p *printer) {
	p.printf("### Signing in, prompt included\n\n")
	p.printf("| case | requests | CPU ms | session cookie, bytes | Cookie header, bytes | Redis bytes | of that the sign-in log |\n")
	p.printf("| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, s := range r.signIns {
		n, redis, log := float64(s.people), "none", ""
		if s.redis > 0 {
			redis, log = fmt.Sprintf("%.0f", float64(s.redis)/n), fmt.Sprintf("%.0f", float64(s.log)/n)
		}
		p.printf("| %s | %d | %.2f | %d | %d | %s | %s |\n", s.name, s.requests, milliseconds(s.cpu)/n, s.cookie, s.cookies, redis, log)
	}
	p.printf("\n%d people in each case, %d of them at a time, at a provider with ES256, ten groups and, where it is asked for one, an\n", r.options.signIns, connections[0])
	p.printf("800-byte refresh token. The value of the session cookie; its name adds 16 bytes on https.\n\n")
}

func (r *report) writeSizes(p *printer) {
	p.printf("### Memory and revocation\n\n")
	for _, c := range r.cached {
		p.printf("- A cached session takes %.0f bytes of the gateway's heap, in %.1f pieces (%d of them; with tokens, claims and ten groups).\n", c.bytes, c.pieces, r.options.people[many])
	}
	if len(r.inRedis) == 3 {
		p.printf("- A session takes %.0f bytes of Redis with an 800-byte refresh token, %.0f without, %.0f without where the provider takes an\n", r.inRedis[0], r.inRedis[1], r.inRedis[2])
		p.printf("  id_token_hint (%d of each; ten groups, and all lists that name it).\n", slices.Max(r.options.people[:]))
	}
	if f := r.refreshes; f != nil {
		p.printf("- A refresh of a bound session takes %.2f ms of CPU with Redis, its %.1f commands included (%d sessions, %d refreshes each, %d at a\n  time).\n",
			cost(quieter(f.rounds), 0)/1000, f.commands, r.options.people[some], len(f.rounds), connections[0])
	}
	if l := r.revocation; l != nil {
		p.printf("- A session that one replica ends is refused by another %.1f ms (median) and %.1f ms (p99) after the first was asked; %.1f and\n", milliseconds(percentile(l.asked, 0.5)), milliseconds(percentile(l.asked, 0.99)), milliseconds(percentile(l.told, 0.5)))
		p.printf("  %.1f ms after it answered. %d sessions, Redis, a client that asks the other without a pause.\n", milliseconds(percentile(l.told, 0.99)), l.times)
	}
	p.printf("\n")
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// printer keeps the first error, so that a report is written without a check per line.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}
