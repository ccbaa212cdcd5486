package million

import (
	"io"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// owedTail is by how much longer than with plain Caddy 99 of 100 requests may take, owedEnd how long a session may be served
// after another gateway was asked to end all.
const (
	owedTail = 1.15
	owedEnd  = 5 * time.Second
)

// tail is the p99 of the gateways over that of plain Caddy.
func (x *result) tail() float64 {
	var ratios []float64
	for _, round := range rig.Quieter(x.loaded.rounds) {
		for _, turn := range round[1:] {
			ratios = append(ratios, float64(turn.P99)/float64(round[0].P99))
		}
	}
	return rig.Median(ratios)
}

func (x *result) write(out io.Writer) error {
	ms, mb := rig.Milliseconds, func(bytes int64) float64 { return float64(bytes) / (1 << 20) }
	p := &rig.Printer{W: out}
	p.Printf("%d sessions of %d users in a Redis Cluster of %d masters, two gateways. Gateways and Redis share a core.\n\n", x.Sessions, x.Users, masters)
	p.Printf("| what | figure |\n|---|---|\n")
	p.Printf("| filling it through the store, %d at a time | %.0f s, %.0f sessions a second, %.0f µs of Redis for one |\n",
		writers, x.filled.took.Seconds(), float64(x.Sessions)/x.filled.took.Seconds(), float64(x.filled.redis)/float64(time.Microsecond))
	p.Printf("| Redis, a session with an 800-byte refresh token and all lists that name it | %.0f bytes |\n", x.filled.bytes)
	for i, g := range x.gateways {
		p.Printf("| gateway %d, from its start to the first answer to a session | %.0f ms |\n", i+1, ms(g.took))
		p.Printf("| gateway %d, the first request of a session that it has not seen, one at a time | %.2f ms (median), %.2f ms (p99); the second %.2f and %.2f ms |\n",
			i+1, ms(g.cold.median), ms(g.cold.p99), ms(g.warm.median), ms(g.warm.p99))
	}
	quiet := rig.Quieter(x.loaded.rounds)
	for i := range x.gateways {
		e := rig.CPURatio(quiet, i+1, 0)
		p.Printf("| gateway %d, CPU of a request by Zipf's law (%.2f), Redis included, plain Caddy = 1 | %.2f ± %.2f |\n", i+1, zipfian, e.Value, e.Err)
	}
	p.Printf("| Redis's part of it | %.1f µs a request |\n", float64(x.loaded.redis)/float64(time.Microsecond))
	p.Printf("| 99 of 100 of these requests, plain Caddy = 1 | %.2f (a run with 50,000 sessions owes %.2f) |\n", x.tail(), owedTail)
	for i, bytes := range x.loaded.memory {
		p.Printf("| gateway %d, memory after that | %.0f MB |\n", i+1, mb(bytes))
	}
	p.Printf("| a page of %d of the list of all sessions | %.0f ms (median), %.0f ms (p99) |\n", page, ms(x.listed.median), ms(x.listed.p99))
	p.Printf("| loading a newer key; the first request of a session sealed with the older one | %.0f ms; %.2f ms (median), %.2f ms (p99) |\n",
		ms(x.changed.reload), ms(x.changed.after.median), ms(x.changed.after.p99))
	p.Printf("| counting the %d sessions that need the older key | %.1f s |\n", x.changed.sessions, x.changed.counted.Seconds())
	p.Printf("| ending %d sessions of one user | %.1f s until the answer, refused by the other gateway after %.1f ms; %.0f ms of Redis |\n",
		x.OfOne, x.user.took.Seconds(), ms(x.user.refused), ms(x.user.redis))
	p.Printf("| ending all sessions (`revoke-before`) | %.1f ms until the answer, refused by the other gateway after %.1f ms (at most %s); %.0f ms of Redis |\n",
		ms(x.all.took), ms(x.all.refused), owedEnd, ms(x.all.redis))
	return p.Err
}
