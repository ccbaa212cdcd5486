package streams

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

const (
	// memoryOwed and memoryStretch are what an idle stream may take over plain Caddy's, in bytes.
	memoryOwed, memoryStretch = 1500, 700
	// endOwed is how long a stream may outlive its session.
	endOwed = time.Second
)

// Options are those of a run: Each streams of a kind over two gateways, and Sample at a gateway whose memory is measured.
type Options struct{ Each, Sample int }

// Sized is a share of the whole run: 1 is all of it.
func Sized(share float64) Options {
	each := max(2, int(10_000*share))
	return Options{Each: each, Sample: max(1, each/4)}
}

// Run measures the memory of a stream, and what many idle ones cost and do.
func Run(ctx context.Context, r *rig.Rig, o Options, out io.Writer) error {
	redis, err := r.StartRedis(ctx)
	if err != nil {
		return err
	}
	r.Note("writing %d sessions", max(o.Each, o.Sample))
	people, _, err := r.RedisWith(ctx, redis, max(o.Each, o.Sample), rig.Renewable)
	if err != nil {
		return err
	}
	table, err := memory(ctx, r, redis, people[:o.Sample])
	if err != nil {
		return fmt.Errorf("memory of streams: %w", err)
	}
	m, err := measureMany(ctx, r, redis, people[:o.Each])
	if err != nil {
		return fmt.Errorf("many streams: %w", err)
	}
	p := &rig.Printer{W: out}
	write(p, table, o.Sample)
	m.write(p)
	return p.Err
}

func write(p *rig.Printer, table [][kinds]each, sample int) {
	p.Printf("Memory of an idle stream, bytes of heap and of stacks, and heap over plain Caddy's (owed %d, stretch %d); %d of each:\n\n", memoryOwed, memoryStretch, sample)
	p.Printf("| |")
	for k := range kinds {
		p.Printf(" %s |", kindNames[k])
	}
	p.Printf("\n| --- | --- | --- | --- |\n")
	for i, setup := range setups() {
		p.Printf("| %s |", setup.Name)
		for k := range kinds {
			p.Printf(" %.0f + %.0f, %+.0f |", table[i][k].heap, table[i][k].stack, table[i][k].heap-table[0][k].heap)
		}
		p.Printf("\n")
	}
}

func (m *many) write(p *rig.Printer) {
	p.Printf("\n%d WebSockets and %d event streams over HTTP/2 at two gateways, each of a user with a session:\n\n", m.each, m.each)
	p.Printf("- Idle, the gateways take %.1f %% of a core together, Redis %.1f %%. They have %.0f MB of memory.\n", 100*m.idle, 100*m.idleRedis, float64(m.rss)/(1<<20))
	p.Printf("- After a reload of both, %d of %d are open.\n", m.kept, 2*m.each)
	p.Printf("- All are closed %.2f s after the end of all sessions was asked for at one of them (owed %.0f s).\n", m.ended.Seconds(), endOwed.Seconds())
}
