package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// report is everything that a run found out.
type report struct {
	options options
	caddy   string
	pinned  bool
	names   []string
	// loads are the measurements, by number of connections.
	loads   []measured
	signIns []signInCost
}

type measured struct {
	connections int
	rounds      []round
}

// signInCost is what signing everybody in cost a case.
type signInCost struct {
	name     string
	sessions int
	requests int
	cpu      time.Duration
	// cookie is the length of the Cookie header afterwards.
	cookie int
	// memory of the gateway before and after.
	before, after int64
	// redis is the growth of Redis in bytes; zero without it.
	redis int64
}

// write prints the report as Markdown.
func (r report) write(w io.Writer) error {
	p := &printer{w: w}
	for _, load := range r.loads {
		kept := quieter(load.rounds)
		p.printf("### %d sessions, %d connections\n\n", r.options.sessions, load.connections)
		p.printf("| case | CPU µs/request | CPU ratio | requests/s | ratio | p50 ms | p99 ms |\n| --- | --- | --- | --- | --- | --- | --- |\n")
		for i, name := range r.names {
			cpu := over(kept, func(r round) float64 { return r[i].perRequest() })
			ratio := over(kept, func(r round) float64 { return r[i].perRequest() / r[0].perRequest() })
			p.printf("| %s | %.0f (%.0f..%.0f) | **%.2f** (%.2f..%.2f) | %.0f | %.2f | %.2f | %.2f |\n", name,
				median(cpu), slices.Min(cpu), slices.Max(cpu), median(ratio), slices.Min(ratio), slices.Max(ratio),
				median(over(kept, func(r round) float64 { return r[i].rate() })),
				median(over(kept, func(r round) float64 { return r[i].rate() / r[0].rate() })),
				median(over(kept, func(r round) float64 { return milliseconds(r[i].p50) })),
				median(over(kept, func(r round) float64 { return milliseconds(r[i].p99) })))
		}
		noise := over(kept, noise)
		p.printf("\nMedians over the quieter %d of %d rounds of %s a case; the range is that of these rounds. ", len(kept), len(load.rounds), r.options.slice)
		p.printf("In the noisiest turn of a round, something else on the machine used %.0f %% of a core.\n\n", 100*median(noise))
	}
	if len(r.signIns) > 0 {
		r.writeSignIns(p)
	}
	p.printf("Machine: %s; Caddy %s; GOGC=%s for every gateway; ", machine(), r.caddy, r.options.gogc)
	if r.pinned {
		p.printf("gateway and Redis on one core, load, app and provider on the others, so requests/s is what one core carries.\n")
	} else {
		p.printf("nothing pinned.\n")
	}
	p.printf("CPU is user + system time of the gateway and its Redis; the app's page has %d bytes; plain http on 127.0.0.1, kept alive.\n", len(page))
	p.printf("Microseconds differ from machine to machine and run to run, ratios by a few hundredths: rerun before quoting.\n")
	return p.err
}

func (r report) writeSignIns(p *printer) {
	p.printf("### Signing in, prompt included\n\n")
	p.printf("| case | requests | CPU µs/sign-in | Cookie header, bytes | gateway memory, MiB | KiB more per session | Redis bytes/session |\n")
	p.printf("| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, s := range r.signIns {
		n := float64(s.sessions)
		redis := "none"
		if s.redis > 0 {
			redis = fmt.Sprintf("%.0f", float64(s.redis)/n)
		}
		p.printf("| %s | %d | %.0f | %d | %.0f | %.1f | %s |\n", s.name, s.requests, float64(s.cpu)/float64(time.Microsecond)/n, s.cookie,
			float64(s.after)/(1<<20), float64(s.after-s.before)/1024/n, redis)
	}
	p.printf("\nEach case signed %d people in, four at a time, at a provider with ES256, ten groups and an 800-byte refresh token.\n\n", r.options.sessions)
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
