package peers

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
	"github.com/latchkey-gateway/latchkey/bench/target"
)

// Figures are what the run says about the promises.
func (r *Result) Figures() target.Figures {
	kept := rig.Quieter(r.signInRounds)
	beside := r.index(besideRedis)
	return target.Figures{
		target.SignIn:     rig.CPURatio(kept, r.index(latchkeyRedis), beside),
		target.SignInFile: rig.CPURatio(kept, r.index(latchkeyFile), beside),
	}
}

// Write prints the comparison as Markdown.
func (r *Result) Write(p *rig.Printer) {
	p.Printf("### Beside %s, %s\n\n", strings.Join(r.versions, " and "), time.Now().Format(time.DateOnly))
	r.writeSignIns(p)
	if len(r.requestRounds) > 0 {
		r.writeRequests(p)
	}
}

func (r *Result) writeSignIns(p *rig.Printer) {
	kept := rig.Quieter(r.signInRounds)
	p.Printf("A whole sign-in:\n\n")
	p.Printf("| case | requests | at a time | CPU ms | CPU, oauth2-proxy = 1 | wall ms | Redis commands | round trips |\n")
	p.Printf("| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for i, s := range r.signIns {
		base := r.index(besideRedis)
		if s.atOnce == 1 {
			base = r.index(besideRedis + alone)
		}
		ratio, commands, trips := rig.CPURatio(kept, i, base), "", ""
		if s.redis != nil {
			commands = fmt.Sprintf("%.1f", s.commands)
			if s.atOnce == 1 {
				trips = fmt.Sprintf("%.1f", s.trips)
			}
		}
		wall := rig.Median(rig.Over(kept, func(round rig.Round) float64 {
			return rig.Milliseconds(round[i].Elapsed) / float64(round[i].Answered)
		}))
		p.Printf("| %s | %d | %d | %.2f | **%.3f** ± %.3f | %.2f | %s | %s |\n", s.Name, s.requests, s.atOnce, rig.Cost(kept, i)/1000, ratio.Value, ratio.Err, wall, commands, trips)
	}
	e := rig.Ratio(kept, r.index(latchkeyFile+alone), r.index(latchkeyRedis+alone), func(t rig.Turn) float64 { return float64(t.Elapsed) })
	p.Printf("\nOne user alone with the file: %.2f ± %.2f times the wall time of the same with Redis.\n", e.Value, e.Err)
	p.Printf("CPU is that of the gateway and its Redis, on one core. %d rounds of %d sign-ins a case (a quarter of that one at a time), of which the %d count in which the\nmachine had least else to do. Latchkey asks \"Stay signed in?\" and keeps its sign-in log; the others ask nothing. Logs are off.\n\n",
		len(r.signInRounds), r.options.SignIns, len(kept))
}

func (r *Result) index(name string) int {
	return slices.IndexFunc(r.signIns, func(s *signIns) bool { return s.Name == name })
}

func (r *Result) writeRequests(p *rig.Printer) {
	kept := rig.Quieter(r.requestRounds)
	base := slices.IndexFunc(r.requests, func(g *rig.Gateway) bool { return g.Name == plainCaddy })
	beside := slices.IndexFunc(r.requests, func(g *rig.Gateway) bool { return g.Name == besideRedis })
	p.Printf("A request of a signed-in user, %d sessions, %d connections:\n\n", r.options.Sessions, rig.AtOnce)
	p.Printf("| case | CPU µs | CPU, plain Caddy = 1 | CPU, oauth2-proxy = 1 | p99 ms |\n| --- | --- | --- | --- | --- |\n")
	for i, g := range r.requests {
		plain, peer := rig.CPURatioOfRounds(kept, i, base), rig.CPURatioOfRounds(kept, i, beside)
		p99 := rig.Median(rig.Over(kept, func(round rig.Round) float64 { return rig.Milliseconds(round[i].P99) }))
		p.Printf("| %s | %.0f | **%.3f** ± %.3f | %.3f ± %.3f | %.1f |\n", g.Name, rig.Cost(kept, i), plain.Value, plain.Err, peer.Value, peer.Err, p99)
	}
	p.Printf("\nMedians of the ratios within the quieter %d of %d rounds of %s. Latchkey as it comes, with three headers.\n\n", len(kept), len(r.requestRounds), r.options.Slice)
}
