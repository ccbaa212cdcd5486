package signin

import (
	"fmt"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// Write prints what signing in costs.
func (r *Result) Write(p *rig.Printer) {
	p.Printf("### Signing in, prompt included\n\n")
	p.Printf("| case | requests | CPU ms | session cookie, bytes | Cookie header, bytes | Redis bytes | of that the sign-in log |\n")
	p.Printf("| --- | --- | --- | --- | --- | --- | --- |\n")
	for i, c := range r.costs {
		n, redis, log := float64(c.people), "none", ""
		if c.redis > 0 {
			redis, log = fmt.Sprintf("%.0f", float64(c.redis)/n), fmt.Sprintf("%.0f", float64(c.log)/n)
		}
		p.Printf("| %s | %d | %.2f | %d | %d | %s | %s |\n", r.variants[i].Name, c.requests, rig.Milliseconds(c.cpu)/n, c.cookie, c.cookies, redis, log)
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
