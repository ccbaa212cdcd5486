package request

import (
	"fmt"
	"slices"

	"github.com/latchkey-gateway/latchkey/bench/lives"
	"github.com/latchkey-gateway/latchkey/bench/rig"
	"github.com/latchkey-gateway/latchkey/bench/target"
)

// Figures are what the run says about the promises: of the first load, and what a session takes of Redis.
func (r *Result) Figures() target.Figures {
	all, f := r.loads[0].lives, target.Figures{}
	for name, t := range map[string]*target.Target{
		"cached, file": target.SignedIn, "cached, file, ten groups in a header": target.Groups,
		"as it comes, file": target.InTurn, "strict, Redis": target.Strict, "as it comes, Redis, 40 requests a visit": target.AsItComes,
	} {
		if i := r.index(name); i >= 0 {
			f[t] = all.Ratio(i, lives.Base, lives.CPU)
		}
	}
	if i := r.index("cached, file, many sessions"); i >= 0 {
		f[target.P99] = all.Slowest(i, lives.Base)
	}
	return f
}

// Write prints what requests cost.
func (r *Result) Write(p *rig.Printer) {
	for _, load := range r.loads {
		r.writeLoad(p, load)
	}
	r.writeGarbage(p)
	r.writeDifferences(p)
}

func (r *Result) writeLoad(p *rig.Printer, l load) {
	p.Printf("### A request, %d connections\n\n", l.connections)
	p.Printf("| case | sessions | CPU µs | CPU ratio | owed (stretch) | requests/s | time ratio | p50 ms | p99 ms | p99 ratio |\n")
	p.Printf("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for i, v := range r.variants {
		sum, owed, sessions := l.lives.Sum(i), "", ""
		if v.target != nil {
			owed = fmt.Sprintf("%.2f (%.2f)", v.target.Owed, v.target.Stretch)
		}
		if !v.Plain {
			sessions = fmt.Sprint(r.options.People[v.people])
		}
		p.Printf("| %s | %s | %.0f | %s | %s | %.0f | %s | %.2f | %.2f | %s |\n", v.Name, sessions,
			sum.PerRequest, l.lives.Ratio(i, lives.Base, lives.CPU).Bold(), owed, sum.Rate, l.lives.Ratio(i, lives.Base, lives.Elapsed),
			rig.Milliseconds(sum.P50), rig.Milliseconds(sum.P99), l.lives.Slowest(i, lives.Base))
	}
	base, least := l.lives.Sum(lives.Base), l.lives.Sum(len(r.variants)-1).Requests
	p.Printf("\nThe gateways lived %d times. In each life a case had turns of %s, between those of the baseline that its ratio is\n", len(l.lives), r.options.Slice)
	p.Printf("of: about %d requests a life, the baseline %d. After ± is half of the 95 %% interval, from how far the lives differ.\n", least, base.Requests)
	p.Printf("Meanwhile something else used %.0f %% of a core (median).\n\n", 100*l.lives.Noise())
}

func (r *Result) writeGarbage(p *rig.Printer) {
	p.Printf("### Memory that a request takes for a moment\n\n| case | bytes | pieces | more than plain Caddy |\n| --- | --- | --- | --- |\n")
	for i, g := range r.garbage {
		plain := r.garbage[0]
		p.Printf("| %s | %.0f | %.1f | %+.0f bytes, %+.1f pieces |\n", r.variants[i].Name, g.Bytes, g.Pieces, g.Bytes-plain.Bytes, g.Pieces-plain.Pieces)
	}
	p.Printf("\n")
}

// writeDifferences compares cases that differ in one thing.
func (r *Result) writeDifferences(p *rig.Printer) {
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
	p.Printf("### What one more thing costs\n\n| from | CPU of a request |\n| --- | --- |\n")
	for _, row := range rows {
		i, base := r.index(row.of), r.index(row.than)
		if i < 0 || base < 0 {
			continue
		}
		e := r.loads[0].lives.Ratio(i, base, lives.CPU)
		p.Printf("| %s | %+.1f %% ± %.1f |\n", row.what, 100*(e.Value-1), 100*e.Err)
	}
	p.Printf("\n")
}

// WriteBeside compares each case with its twin of the other gateway.
func (r *Result) WriteBeside(p *rig.Printer) {
	for i, v := range r.variants {
		if v.Beside {
			p.Printf("| %s | %s |\n", r.variants[i-1].Name, r.loads[0].lives.Ratio(i-1, i, lives.CPU).Bold())
		}
	}
}

func (r *Result) index(name string) int {
	return slices.IndexFunc(r.variants, func(v variant) bool { return v.Name == name })
}

// WriteSizes prints what a session takes in the cache and in Redis.
func (r *Result) WriteSizes(p *rig.Printer) {
	for _, c := range r.Cached {
		p.Printf("- A cached session takes %.0f bytes of the gateway's heap, in %.1f pieces (%d of them; with tokens, claims and ten groups).\n", c.Bytes, c.Pieces, r.options.People[Many])
	}
	if len(r.InRedis) == 3 {
		p.Printf("- A session takes %.0f bytes of Redis with an 800-byte refresh token, %.0f without, %.0f without where the provider takes an\n", r.InRedis[0], r.InRedis[1], r.InRedis[2])
		p.Printf("  id_token_hint (%d of each; ten groups, and all lists that name it).\n", slices.Max(r.options.People[:]))
	}
}
