package peers

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/lives"
	"github.com/latchkey-gateway/latchkey/bench/rig"
	"github.com/latchkey-gateway/latchkey/bench/target"
)

// Figures are what the run says about the promises.
func (r *Result) Figures() target.Figures {
	return target.Figures{
		target.SignIn:     r.signInLives.Ratio(r.index(latchkeyRedis), lives.Base, lives.CPU),
		target.SignInFile: r.signInLives.Ratio(r.index(latchkeyFile), lives.Base, lives.CPU),
	}
}

// Write prints the comparison as Markdown.
func (r *Result) Write(p *rig.Printer) {
	p.Printf("### Beside %s, %s\n\n", strings.Join(r.versions, " and "), time.Now().Format(time.DateOnly))
	r.writeSignIns(p)
	if len(r.requestLives) > 0 {
		r.writeRequests(p)
	}
}

func (r *Result) writeSignIns(p *rig.Printer) {
	p.Printf("A whole sign-in:\n\n")
	p.Printf("| case | requests | at a time | CPU ms | CPU, oauth2-proxy = 1 | wall ms | Redis commands | round trips |\n")
	p.Printf("| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for i, s := range r.signIns {
		base := r.index(besideRedis)
		if s.atOnce == 1 {
			base = r.index(besideRedis + alone)
		}
		ratio, commands, trips := r.signInLives.Ratio(i, base, lives.CPU), "", ""
		if s.redis != nil {
			commands = fmt.Sprintf("%.1f", s.commands)
			if s.atOnce == 1 {
				trips = fmt.Sprintf("%.1f", s.trips)
			}
		}
		sum := r.signInLives.Sum(i)
		p.Printf("| %s | %d | %d | %.2f | %s | %.2f | %s | %s |\n", s.Name, s.requests, s.atOnce, sum.PerRequest/1000, ratio.Bold(), 1000/sum.Rate, commands, trips)
	}
	e := r.signInLives.Ratio(r.index(latchkeyFile+alone), r.index(latchkeyRedis+alone), lives.Elapsed)
	p.Printf("\nOne user alone with the file: %.2f ± %.2f times the wall time of the same with Redis.\n", e.Value, e.Err)
	p.Printf("CPU is that of the gateway and its Redis, on one core. The gateways lived %d times; a case had %d turns of %d sign-ins in each life (a quarter of that one\n", len(r.signInLives), r.options.perLife(), r.options.SignIns)
	p.Printf("at a time). After ± is half of the 95 %% interval, from how far the lives differ. Latchkey asks \"Stay signed in?\" and keeps its sign-in log; the others ask\nnothing. Logs are off.\n\n")
}

func (r *Result) index(name string) int {
	return slices.IndexFunc(r.signIns, func(s *signIns) bool { return s.Name == name })
}

func (r *Result) writeRequests(p *rig.Printer) {
	base := slices.IndexFunc(r.requests, func(g *rig.Gateway) bool { return g.Name == plainCaddy })
	beside := slices.IndexFunc(r.requests, func(g *rig.Gateway) bool { return g.Name == besideRedis })
	p.Printf("A request of a signed-in user, %d sessions, %d connections:\n\n", r.options.Sessions, rig.AtOnce)
	p.Printf("| case | CPU µs | CPU, plain Caddy = 1 | CPU, oauth2-proxy = 1 | p99 ms |\n| --- | --- | --- | --- | --- |\n")
	for i, g := range r.requests {
		sum := r.requestLives.Sum(i)
		p.Printf("| %s | %.0f | %s | %s | %.1f |\n", g.Name, sum.PerRequest, r.requestLives.Ratio(i, base, lives.CPU).Bold(),
			r.requestLives.Ratio(i, beside, lives.CPU), rig.Milliseconds(sum.P99))
	}
	p.Printf("\n%d turns of %s in each of %d lives. Latchkey as it comes, with three headers.\n\n", r.options.perLife(), r.options.Slice, len(r.requestLives))
}
