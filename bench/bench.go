package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"
)

// connections of the two measurements: many, with queueing as on a busy site, and few, which shows latency.
var connections = []int{32, 2}

// bench runs the whole and writes the report to out; progress goes to notes.
func bench(ctx context.Context, o options, out, notes io.Writer) (err error) {
	caddy, err := caddyVersion(o.binary)
	if err != nil {
		return fmt.Errorf("%w (`make build` makes the gateway)", err)
	}
	r, err := openRig(o, notes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	result := report{options: o, caddy: caddy, pinned: r.core >= 0}
	cases, err := r.cases(ctx, &result)
	if err != nil {
		return err
	}
	for i, n := range connections {
		rounds := o.rounds
		if i > 0 {
			rounds = max(2, o.rounds/3)
		}
		measured, err := r.measure(ctx, cases, n, rounds)
		if err != nil {
			return err
		}
		result.loads = append(result.loads, load{connections: n, rounds: measured})
	}
	for _, c := range cases {
		g, err := c.garbage(ctx, int64(o.garbage))
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		result.garbage = append(result.garbage, g)
	}
	// What was found out so far is worth printing whatever becomes of the rest.
	signIns, failed := r.signIns(ctx, &result)
	if o.redis != "" {
		var err error
		if result.refreshes, err = r.refreshing(ctx); err != nil {
			failed = errors.Join(failed, fmt.Errorf("refreshing: %w", err))
		}
		if result.revocation, err = r.revoke(ctx, o.revocations); err != nil {
			failed = errors.Join(failed, fmt.Errorf("revoking: %w", err))
		}
	}
	if err := result.write(out); err != nil {
		return err
	}
	if o.chart != "" {
		if err := os.WriteFile(o.chart, result.chart(), 0o644); err != nil { //nolint:gosec // a picture for everybody
			return err
		}
	}
	if failed != nil {
		return failed
	}
	return r.profile(ctx, cases, signIns)
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

// chosen returns the variants to run, the baseline always. With another gateway every case of Latchkey has a twin behind it
// that this one serves.
func chosen(o options) []variant {
	return withTwins(o, variants[:1:1], variants[1:])
}

// chosenSignIns does the same with the cases in which people sign in.
func chosenSignIns(o options) []variant { return withTwins(o, nil, signInVariants) }

func withTwins(o options, kept, all []variant) []variant {
	for _, v := range all {
		if v.inRedis && o.redis == "" || !strings.Contains(v.name, o.only) {
			continue
		}
		kept = append(kept, v)
		if o.beside != "" && !v.plain {
			v.name, v.beside, v.owed, v.stretch = v.name+" (beside)", true, 0, 0
			kept = append(kept, v)
		}
	}
	return kept
}

// cases starts a gateway for each variant, and lets every user come once. With many users it records the memory that
// this costs.
func (r *rig) cases(ctx context.Context, result *report) ([]*running, error) {
	n := slices.Max(r.options.people[:])
	fmt.Fprintf(r.notes, "%d sessions are written to a file\n", n)
	file, inFile, err := r.fileWith(ctx, n)
	if err != nil {
		return nil, err
	}
	var redis *server
	var inRedis []person
	if r.options.redis != "" {
		fmt.Fprintf(r.notes, "%d sessions are written to Redis\n", n)
		if redis, err = r.startRedis(ctx); err != nil {
			return nil, err
		}
		var bytes float64
		if inRedis, bytes, err = r.redisWith(ctx, redis, n, renewable); err != nil {
			return nil, err
		}
		result.inRedis = append(result.inRedis, bytes)
		for _, tokens := range []tokens{none, hint} {
			if bytes, err = r.size(ctx, n, tokens); err != nil {
				return nil, err
			}
			result.inRedis = append(result.inRedis, bytes)
		}
	}
	var cases []*running
	for _, v := range chosen(r.options) {
		fmt.Fprintf(r.notes, "starting: %s\n", v.name)
		c, err := r.gateway(ctx, v, redis, file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.name, err)
		}
		people := inFile
		if v.inRedis {
			people = inRedis
		}
		size := v.people
		if v.plain {
			size = some // the very requests that the others check
		}
		if people = people[:r.options.people[size]]; v.bound {
			if people, err = r.withDevices(ctx, c, redis, len(people)); err != nil {
				return nil, fmt.Errorf("%s: %w", v.name, err)
			}
		}
		if v.programs {
			if people, err = r.programsOf(ctx, v, redis, r.options.people[some]); err != nil {
				return nil, fmt.Errorf("%s: %w", v.name, err)
			}
		}
		r.use(c, people)
		result.variants = append(result.variants, v)
		cases = append(cases, c)
		if err := r.welcome(ctx, c, result); err != nil {
			return nil, fmt.Errorf("%s: %w", v.name, err)
		}
	}
	return cases, nil
}

// size is what a session takes of a Redis of its own.
func (r *rig) size(ctx context.Context, n int, tokens tokens) (float64, error) {
	redis, err := r.startRedis(ctx)
	if err != nil {
		return 0, err
	}
	_, bytes, err := r.redisWith(ctx, redis, n, tokens)
	if stopping := redis.process.stop(); err == nil {
		err = stopping
	}
	return bytes, err
}

// welcome lets every user come once.
func (r *rig) welcome(ctx context.Context, c *running, result *report) error {
	if !c.plain && c.variant.people == many && c.recheck == neverAgain {
		before, err := heap(ctx, c.admin)
		if err != nil {
			return err
		}
		if err := c.client.everybody(ctx, connections[0]); err != nil {
			return err
		}
		after, err := heap(ctx, c.admin)
		if err != nil {
			return err
		}
		n := float64(len(c.people))
		result.cached = append(result.cached, memory{
			bytes: float64(after.inUse-before.inUse) / n, pieces: float64(after.piecesInUse-before.piecesInUse) / n,
		})
		return nil
	}
	return c.client.everybody(ctx, connections[0])
}

// measure lets the cases take turns, in another order in every round, so that none always follows the same one.
func (r *rig) measure(ctx context.Context, cases []*running, connections, n int) ([]round, error) {
	rounds := make([]round, n)
	order := rand.New(rand.NewPCG(1, uint64(connections))) //nolint:gosec // every run has the same turns
	for i := range rounds {
		rounds[i] = make(round, len(cases))
		for _, at := range order.Perm(len(cases)) {
			t, err := cases[at].turn(ctx, connections, r.options.slice)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", cases[at].name, err)
			}
			rounds[i][at] = t
		}
		if i == len(rounds)-1 || i%10 == 9 {
			fmt.Fprintf(r.notes, "%d connections: round %d of %d\n", connections, i+1, len(rounds))
		}
	}
	return rounds, nil
}

// turn loads one case for so long. What its processes still do when the last answer is there, such as collecting the
// garbage of a large heap, is part of what the requests cost, and must not fall into the next case's turn.
func (c *running) turn(ctx context.Context, connections int, length time.Duration) (turn, error) {
	if err := c.client.connect(ctx, connections); err != nil {
		return turn{}, err
	}
	before, err := c.usage()
	if err != nil {
		return turn{}, err
	}
	started := time.Now()
	t, err := c.client.during(ctx, connections, length)
	if err != nil {
		return turn{}, err
	}
	after, err := c.settled(ctx)
	if err != nil {
		return turn{}, err
	}
	whole := time.Since(started)
	slices.Sort(t.latencies)
	return turn{
		answered: t.answered, elapsed: t.elapsed, cpu: after.own - before.own,
		foreign: foreign(before, after, whole),
		p50:     percentile(t.latencies, 0.50), p99: percentile(t.latencies, 0.99),
	}, nil
}

// foreign is what the rest of the machine used between two readings, as a share of one core.
func foreign(before, after usage, whole time.Duration) float64 {
	rest := (after.machine - before.machine) - (after.own - before.own) - (after.bench - before.bench)
	return max(0, rest.Seconds()) / whole.Seconds()
}

const (
	// settleStep is how long a case's processes have to use next to no CPU before they count as settled.
	settleStep = 10 * time.Millisecond
	// settleAtMost bounds the wait for processes that never do.
	settleAtMost = 2 * time.Second
)

// settled waits until the processes of the case rest, and reads the clocks.
func (c *running) settled(ctx context.Context) (usage, error) {
	const rest = settleStep / 20 // what a server's clockwork may take
	poll := time.NewTicker(settleStep)
	defer poll.Stop()
	last, err := c.usage()
	for end := time.Now().Add(settleAtMost); err == nil && time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return usage{}, context.Cause(ctx)
		case <-poll.C:
		}
		before := last.own
		if last, err = c.usage(); last.own-before < rest {
			break
		}
	}
	return last, err
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
