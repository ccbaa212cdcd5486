package monday

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/crowd"
	"github.com/latchkey-gateway/latchkey/bench/rig"
	"github.com/latchkey-gateway/latchkey/bench/target"
)

const (
	// full is how many people sign in, within minute.
	full   = 20_000
	minute = time.Minute
	// pace is how many sign in a second, whatever the share.
	pace = float64(full) / 60
	// signedIn is how many are signed in already.
	signedIn = 1000
)

// Size is how large a run is.
type Size struct {
	People int
	// Quiet is how long those who are signed in are alone, before and after.
	Quiet time.Duration
}

// Sized is a share of the full size: 20,000 people in a minute.
func Sized(share float64) Size {
	return Size{People: max(10, int(share*full)), Quiet: max(100*time.Millisecond, min(10*time.Second, time.Duration(share*float64(minute))))}
}

// Run lets people sign in, and writes the figures to out.
func Run(ctx context.Context, r *rig.Rig, s Size, out io.Writer) error {
	if err := startOutside(ctx, r); err != nil {
		return err
	}
	redis, err := r.StartRedis(ctx)
	if err != nil {
		return err
	}
	people, _, err := r.RedisWith(ctx, redis, signedIn, rig.Renewable)
	if err != nil {
		return err
	}
	g, err := r.Gateway(ctx, rig.Setup{Name: "monday", InRedis: true, RateLimits: true}, redis, "")
	if err != nil {
		return err
	}
	plain, err := r.Gateway(ctx, rig.Setup{Name: "plain", Plain: true, SameBinary: true}, nil, "")
	if err != nil {
		return err
	}
	if err := rig.AwaitSignIn(ctx, g.Site); err != nil {
		return err
	}
	all := crowds(g.Site, plain.Site, r.App, people)
	r.Note("%d people are signed in", len(people))
	if _, err := alone(ctx, g, all, s.Quiet/2); err != nil {
		return err
	}
	m := measurement{size: s, people: len(people)}
	if m.before, err = alone(ctx, g, all, s.Quiet); err != nil {
		return err
	}
	r.Note("%d people sign in", s.People)
	if m.during, m.arrivals, err = together(ctx, r, g, all, s.People); err != nil {
		return err
	}
	if m.after, err = alone(ctx, g, all, s.Quiet); err != nil {
		return err
	}
	p := &rig.Printer{W: out}
	m.write(p)
	return p.Err
}

// measurement is what a run has measured.
type measurement struct {
	size                  Size
	people                int
	before, during, after turn
	*arrivals
}

// turn is what those who send requests got in one, and what it took of gateway and Redis.
type turn struct {
	rig.Turn
	got [measured]*crowd.Answers
}

// alone has only those send requests who are signed in.
func alone(ctx context.Context, g *rig.Gateway, all [measured]*crowd.Crowd, lasting time.Duration) (t turn, err error) {
	t.Turn, err = g.During(ctx, 0, func() (err error) {
		ctx, cancel := context.WithTimeout(ctx, lasting)
		defer cancel()
		t.got, err = ask(ctx, all)
		return err
	})
	return t, err
}

// together has people sign in beside them. Those send requests until the last has signed in.
func together(ctx context.Context, r *rig.Rig, g *rig.Gateway, all [measured]*crowd.Crowd, people int) (t turn, a *arrivals, err error) {
	t.Turn, err = g.During(ctx, people, func() (err error) {
		asking, enough := context.WithCancel(ctx)
		defer enough()
		var wait sync.WaitGroup
		var failed error
		wait.Go(func() { t.got, failed = ask(asking, all) })
		a, err = letArrive(ctx, r, g.Site, people)
		enough()
		wait.Wait()
		return errors.Join(err, failed)
	})
	return t, a, err
}

func (m *measurement) write(p *rig.Printer) {
	a, before, during, after, ms := m.arrivals, &m.before, &m.during, &m.after, rig.Milliseconds
	ordinary := float64(before.CPU) * float64(len(during.got[users].Took)) / float64(len(before.got[users].Took))
	cost := (during.CPU - time.Duration(ordinary)) / time.Duration(len(a.Took))
	p.Printf("%d people sign in from one address, %.0f a second, beside %d requests a second of %d people who are signed in. Redis, default limits, prompt answered. Gateway and Redis share a core.\n\n",
		m.size.People, pace, usersPace, m.people)
	p.Printf("| what | figure |\n|---|---|\n")
	p.Printf("| sign-ins asked for; done; refused with 429; failed otherwise | %d; %d; %d; %d |\n", m.size.People, len(a.Took), a.Limited, a.Failed)
	p.Printf("| from the first to the last who came; until the last was in | %.1f s; %.1f s: %.0f sign-ins a second |\n",
		a.Spread.Seconds(), a.All.Seconds(), float64(len(a.Took))/a.All.Seconds())
	p.Printf("| a whole sign-in, five requests and the provider | %.1f ms (median), %.1f ms (p99) |\n", ms(rig.Percentile(a.Took, 0.5)), ms(rig.Percentile(a.Took, 0.99)))
	p.Printf("| CPU of one, Redis included; of the core meanwhile | %.2f ms; %.0f %% |\n", ms(cost), 100*during.CPU.Seconds()/during.Elapsed.Seconds())
	if a.First != "" {
		p.Printf("| one of those that failed | %s |\n", a.First)
	}
	p.Printf("\n| median and p99, in milliseconds | before | during | after | p99 during, before = 1 |\n|---|---|---|---|---|\n")
	for i, name := range names {
		p.Printf("| %s |", name)
		for _, t := range []*turn{before, during, after} {
			p.Printf(" %.2f, %.2f |", percentile(t.got[i], 0.5), percentile(t.got[i], 0.99))
		}
		p.Printf(" %.2f", percentile(during.got[i], 0.99)/percentile(before.got[i], 0.99))
		if i == users {
			p.Printf(" (owed %.1f)", target.Monday.Owed)
		}
		p.Printf(" |\n")
	}
}

func percentile(a *crowd.Answers, share float64) float64 {
	return a.Took[min(int(share*float64(len(a.Took))), len(a.Took)-1)]
}
