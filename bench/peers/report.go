package peers

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// write prints the comparison as Markdown.
func (c *comparison) write(out io.Writer) error {
	p := &rig.Printer{W: out}
	p.Printf("Beside %s, %s.\n\n", strings.Join(c.versions, " and "), time.Now().Format(time.DateOnly))
	c.writeSignIns(p)
	return p.Err
}

func (c *comparison) writeSignIns(p *rig.Printer) {
	kept := rig.Quieter(c.signInRounds)
	p.Printf("### A whole sign-in\n\n")
	p.Printf("| case | requests | at a time | CPU ms | CPU, oauth2-proxy = 1 | wall ms | Redis commands | round trips |\n")
	p.Printf("| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for i, s := range c.signIns {
		base := c.index(besideRedis)
		if s.atOnce == 1 {
			base = c.index(besideRedis + alone)
		}
		ratio, commands, trips := rig.CPURatio(kept, i, base), "", ""
		if s.redis != nil {
			commands = fmt.Sprintf("%.1f", s.commands)
			if s.atOnce == 1 {
				trips = fmt.Sprintf("%.1f", s.trips)
			}
		}
		wall := rig.Median(rig.Over(kept, func(r rig.Round) float64 { return rig.Milliseconds(r[i].Elapsed) / float64(r[i].Answered) }))
		p.Printf("| %s | %d | %d | %.2f | **%.3f** ± %.3f | %.2f | %s | %s |\n", s.Name, s.requests, s.atOnce, rig.Cost(kept, i)/1000, ratio.Value, ratio.Err, wall, commands, trips)
	}
	e := rig.Ratio(kept, c.index(latchkeyFile+alone), c.index(latchkeyRedis+alone), func(t rig.Turn) float64 { return float64(t.Elapsed) })
	p.Printf("\nOne user alone with the file: %.2f ± %.2f times the wall time of the same with Redis.\n", e.Value, e.Err)
	p.Printf("CPU is that of the gateway and its Redis, on one core. %d rounds of %d sign-ins a case (a quarter of that one at a time), of which the %d count in which the\nmachine had least else to do. Latchkey asks \"Stay signed in?\" and keeps its sign-in log; the others ask nothing. Logs are off.\n\n",
		len(c.signInRounds), c.options.SignIns, len(kept))
}

func (c *comparison) index(name string) int {
	return slices.IndexFunc(c.signIns, func(s *signIns) bool { return s.Name == name })
}
