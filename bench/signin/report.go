package signin

import (
	"fmt"
	"slices"

	"github.com/latchkey-gateway/latchkey/bench/rig"
	"github.com/latchkey-gateway/latchkey/bench/target"
)

// Figures are what the run says about the promises.
func (r *Result) Figures() target.Figures {
	f := target.Figures{}
	redis, file := r.index(redisAlone), r.index(fileAlone)
	if redis >= 0 {
		c := r.costs[redis]
		f[target.Commands] = rig.Estimate{Value: float64(c.commands) / float64(c.people)}
		f[target.Trips] = rig.Estimate{Value: float64(c.trips) / float64(c.people)}
	}
	if redis >= 0 && file >= 0 {
		f[target.Alone] = rig.Ratio(rig.Quieter(r.rounds), file, redis, func(t rig.Turn) float64 { return float64(t.Elapsed) })
	}
	return f
}

// Log is what a sign-in takes of the log in Redis, in bytes; 0 if that was not measured.
func (r *Result) Log() float64 {
	if i := r.index(inRedis); i >= 0 {
		return float64(r.costs[i].log) / float64(r.costs[i].people)
	}
	return 0
}

func (r *Result) index(name string) int {
	return slices.IndexFunc(r.variants, func(v variant) bool { return v.Name == name })
}

// Write prints what signing in costs.
func (r *Result) Write(p *rig.Printer) {
	p.Printf("### Signing in, prompt included\n\n")
	p.Printf("| case | requests | CPU ms | session cookie, bytes | Cookie header, bytes | Redis bytes | of that the sign-in log | commands | round trips |\n")
	p.Printf("| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for i, c := range r.costs {
		n, redis, log, commands, trips := float64(c.people), "none", "", "", ""
		if c.redis > 0 {
			redis, log = fmt.Sprintf("%.0f", float64(c.redis)/n), fmt.Sprintf("%.0f", float64(c.log)/n)
			commands = fmt.Sprintf("%.1f", float64(c.commands)/n)
			if r.variants[i].atOnce == 1 { // more at once share some
				trips = fmt.Sprintf("%.1f", float64(c.trips)/n)
			}
		}
		p.Printf("| %s | %d | %.2f | %d | %d | %s | %s | %s | %s |\n", r.variants[i].Name, c.requests, rig.Milliseconds(c.cpu)/n, c.cookie, c.cookies, redis, log, commands, trips)
	}
	p.Printf("\n%d people in each case, %d of them at a time, at a provider with ES256, ten groups and, where it is asked for one, an\n", r.people, rig.AtOnce)
	p.Printf("800-byte refresh token. The value of the session cookie; its name adds 16 bytes on https.\n\n")
}

// WriteBeside compares each case with its twin of the other gateway.
func (r *Result) WriteBeside(p *rig.Printer) {
	kept := rig.Quieter(r.rounds)
	for i, v := range r.variants {
		if v.Beside {
			e := rig.CPURatio(kept, i-1, i)
			p.Printf("| %s | **%.3f** ± %.3f |\n", r.variants[i-1].Name, e.Value, e.Err)
		}
	}
}
