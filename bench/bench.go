package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// connections of the two measurements: queueing as on a busy site, and hardly any, which shows latency.
var connections = []int{32, 2}

// bench runs the whole and writes the report to out; progress goes to notes.
func bench(ctx context.Context, o options, out, notes io.Writer) (err error) {
	caddy, err := caddyVersion(o.binary)
	if err != nil {
		return fmt.Errorf("%w (`make build` makes the gateway)", err)
	}
	dir, err := os.MkdirTemp("", "latchkey-bench-")
	if err != nil {
		return err
	}
	r := &rig{options: o, dir: dir, core: -1, notes: notes}
	defer func() { err = errors.Join(err, r.close()) }()
	if o.pin {
		if r.core, err = split(); err != nil {
			return fmt.Errorf("pinning: %w", err)
		}
	}
	if err := r.open(); err != nil {
		return err
	}
	result := report{options: o, caddy: caddy, pinned: r.core >= 0}
	for _, v := range chosen(o) {
		result.names = append(result.names, v.name)
		cost, err := r.add(ctx, v)
		if err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
		if !v.plain {
			result.signIns = append(result.signIns, cost)
		}
	}
	// The baseline passes on the very requests that the first case with sessions checks.
	r.cases[0].signedIn = []signedIn{{cookies: "theme=dark"}}
	if len(r.cases) > 1 {
		r.cases[0].signedIn = r.cases[1].signedIn
	}
	for _, n := range connections {
		rounds, err := r.measure(ctx, n)
		if err != nil {
			return err
		}
		result.loads = append(result.loads, measured{connections: n, rounds: rounds})
	}
	if err := result.write(out); err != nil {
		return err
	}
	return r.profile(ctx)
}

// caddyVersion reads what a program was built with.
func caddyVersion(program string) (string, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return "", err
	}
	for _, module := range info.Deps {
		if module.Path == "github.com/caddyserver/caddy/v2" {
			return module.Version, nil
		}
	}
	return "", fmt.Errorf("%s was not built with Caddy", program)
}

// chosen returns the variants to run, the baseline always.
func chosen(o options) []variant {
	return slices.DeleteFunc(slices.Clone(variants), func(v variant) bool {
		return !v.plain && (v.redis && o.redis == "" || !strings.Contains(v.name, o.only))
	})
}

// measure lets the cases take turns. Every round begins with another case, so that none always follows the same one.
func (r *rig) measure(ctx context.Context, connections int) ([]round, error) {
	for _, c := range r.cases {
		if _, err := r.turn(ctx, c, connections, r.options.slice/2); err != nil {
			return nil, fmt.Errorf("warming up %s: %w", c.name, err)
		}
	}
	rounds := make([]round, r.options.rounds)
	for i := range rounds {
		rounds[i] = make(round, len(r.cases))
		for j := range r.cases {
			at := (i + j) % len(r.cases)
			t, err := r.turn(ctx, r.cases[at], connections, r.options.slice)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.cases[at].name, err)
			}
			rounds[i][at] = t
		}
		fmt.Fprintf(r.notes, "\r%d connections: round %d of %d ", connections, i+1, len(rounds))
	}
	fmt.Fprintln(r.notes)
	return rounds, nil
}

// turn loads one case for so long.
func (r *rig) turn(ctx context.Context, c *running, connections int, length time.Duration) (turn, error) {
	before, err := c.usage()
	if err != nil {
		return turn{}, err
	}
	t, err := load(ctx, c.site, c.requests(), connections, length)
	if err != nil {
		return turn{}, err
	}
	after, err := c.usage()
	if err != nil {
		return turn{}, err
	}
	slices.Sort(t.latencies)
	own := after.own - before.own
	foreign := (after.machine - before.machine) - own - (after.bench - before.bench)
	return turn{
		answered: t.answered, elapsed: t.elapsed, cpu: own,
		foreign: max(0, foreign.Seconds()) / t.elapsed.Seconds(),
		p50:     percentile(t.latencies, 0.50), p99: percentile(t.latencies, 0.99),
	}, nil
}

// usage is a reading of the CPU clocks: of the case's processes, of this program, of the whole machine.
type usage struct {
	own, bench, machine time.Duration
}

func (c *running) usage() (usage, error) {
	var u usage
	for _, p := range c.processes {
		cpu, err := p.cpu()
		if err != nil {
			return usage{}, err
		}
		u.own += cpu
	}
	var err1, err2 error
	u.bench, err1 = cpuOf(os.Getpid())
	u.machine, err2 = machineCPU()
	return u, errors.Join(err1, err2)
}

func (c *running) requests() [][]byte {
	requests := make([][]byte, len(c.signedIn))
	for i, s := range c.signedIn {
		requests[i] = browserRequest(c.site, s.cookies)
	}
	return requests
}
