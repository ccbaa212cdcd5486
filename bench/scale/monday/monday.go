package monday

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

const (
	// full is how many people sign in, within minute.
	full   = 20_000
	minute = time.Minute
	// pace is how many sign in a second, whatever the share.
	pace = float64(full) / 60
	// signedIn is how many are signed in already.
	signedIn = 1000
	// owed is by how much longer than before 99 of 100 of their requests may take.
	owed = 1.3
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
	if err := rig.AwaitSignIn(ctx, g.Site); err != nil {
		return err
	}
	u := newUsers(g, people)
	defer u.client.CloseIdleConnections()
	r.Note("%d people are signed in", len(people))
	if _, err := u.ask(ctx, rig.For(s.Quiet/2)); err != nil {
		return err
	}
	before, alone, err := u.alone(ctx, g, s.Quiet)
	if err != nil {
		return err
	}
	r.Note("%d people sign in", s.People)
	during, a, storm, err := together(ctx, g, u, s.People)
	if err != nil {
		return err
	}
	after, _, err := u.alone(ctx, g, s.Quiet)
	if err != nil {
		return err
	}
	cost := (storm.CPU - time.Duration(float64(alone.CPU)*float64(len(during))/float64(len(before)))) / time.Duration(len(a.took))
	if len(before) == 0 || len(during) == 0 || len(after) == 0 {
		return errors.Join(errors.New("those who are signed in have sent nothing"), u.first)
	}
	ms, p99 := rig.Milliseconds, func(all []time.Duration) time.Duration { return rig.Percentile(all, 0.99) }
	p := &rig.Printer{W: out}
	p.Printf("%d people sign in from one address, %.0f a second, beside %d requests a second of %d people who are signed in. Redis, default limits, prompt answered. Gateway and Redis share a core.\n\n",
		s.People, pace, usersPace, len(people))
	p.Printf("| what | figure |\n|---|---|\n")
	p.Printf("| sign-ins asked for; done; refused with 429; failed otherwise | %d; %d; %d; %d |\n", s.People, len(a.took), a.limited, a.failed)
	p.Printf("| from the first to the last who came; until the last was in | %.1f s; %.1f s: %.0f sign-ins a second |\n",
		a.spread.Seconds(), a.all.Seconds(), float64(len(a.took))/a.all.Seconds())
	p.Printf("| a whole sign-in, five requests and the provider | %.1f ms (median), %.1f ms (p99) |\n", ms(rig.Percentile(a.took, 0.5)), ms(p99(a.took)))
	p.Printf("| CPU of one, Redis included; of the core meanwhile | %.2f ms; %.0f %% |\n", ms(cost), 100*storm.CPU.Seconds()/storm.Elapsed.Seconds())
	p.Printf("| a request of those who are signed in, before | %.2f ms (median), %.2f ms (p99) |\n", ms(rig.Percentile(before, 0.5)), ms(p99(before)))
	p.Printf("| during | %.2f ms (median), %.2f ms (p99) |\n", ms(rig.Percentile(during, 0.5)), ms(p99(during)))
	p.Printf("| after | %.2f ms (median), %.2f ms (p99) |\n", ms(rig.Percentile(after, 0.5)), ms(p99(after)))
	p.Printf("| p99 during, before = 1 | %.2f (owed %.1f) |\n", float64(p99(during))/float64(p99(before)), owed)
	p.Printf("| requests of those who are signed in that failed | %d |\n", u.failed)
	if err := errors.Join(a.first, u.first); err != nil {
		p.Printf("\nOf those that failed: %v\n", err)
	}
	return p.Err
}

// alone has only those send requests who are signed in.
func (u *users) alone(ctx context.Context, g *rig.Gateway, lasting time.Duration) (took []time.Duration, t rig.Turn, err error) {
	t, err = g.During(ctx, 0, func() (err error) {
		took, err = u.ask(ctx, rig.For(lasting))
		return err
	})
	return took, t, err
}

// together has people sign in beside them. Those send requests until the last has signed in.
func together(ctx context.Context, g *rig.Gateway, u *users, people int) (took []time.Duration, a *arrivals, t rig.Turn, err error) {
	t, err = g.During(ctx, people, func() error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		var ended atomic.Bool
		var wait sync.WaitGroup
		wait.Go(func() {
			all, err := u.ask(ctx, func(i int) bool { return i > 0 && ended.Load() })
			if took = all; err != nil {
				cancel(err)
			}
		})
		var err error
		a, err = arrive(ctx, g.Site, people)
		ended.Store(true)
		wait.Wait()
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	})
	return took, a, t, err
}
