package chaos

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

const (
	// Bound is how long a session may live after its end was acknowledged, on whatever replica.
	Bound = 5 * time.Second
	// recovery is how long users may be without service after a fault is over. What it has to hold off is whatever
	// waits for a minute, as the lease of a replica that died once did; who had to sign in again on a busy machine
	// takes seconds.
	recovery = 25 * time.Second
)

// Config says how much is done.
type Config struct {
	// Seed chooses what is done, in which order, and to whom.
	Seed uint64
	// People are how many use the app at the same time.
	People int
	// Rounds is how often each of the faults happens.
	Rounds int
	// Reloads is how often the configuration is reloaded in all.
	Reloads int
	// Only names the faults to inject; nil means all.
	Only []string
	// Until is when no further fault is begun. A fault that had no turn by then is named.
	Until time.Time
	// DownAfter is how long a server of Redis must not answer before it is replaced; zero means half a second.
	DownAfter time.Duration
	// Complete fails a run in which a fault had no turn.
	Complete bool
}

// Run does it and reports. What must not happen fails the test.
func Run(t testing.TB, c Config) *Report {
	t.Helper()
	t.Logf("chaos: seed %d", c.Seed)
	for _, name := range c.Only {
		if !slices.ContainsFunc(faults(0), func(f fault) bool { return f.name == name }) {
			t.Fatalf("there is no fault %q", name)
		}
	}
	r := &Report{Seed: c.Seed}
	w := newWorld(t, c, r, rand.New(rand.NewPCG(c.Seed, 1)))
	began := time.Now()
	var wg sync.WaitGroup
	for i := range c.People {
		p := newPerson(w, i, c.Seed+uint64(i)) //nolint:gosec // a small number
		wg.Go(p.live)
	}
	wg.Go(w.strangers)
	w.settle("the start")
	r.ready(time.Since(began))
	stop := make(chan struct{})
	wg.Go(func() { w.revoke(stop, rand.New(rand.NewPCG(c.Seed, 2))) })
	all := plan(w.rng, c)
	for i, f := range all {
		if !c.Until.IsZero() && time.Now().After(c.Until) {
			r.leaveOut(all[i:], c.Complete)
			break
		}
		w.inject(f)
	}
	close(stop)
	w.last()
	close(w.done)
	wg.Wait()
	w.app.check()
	r.print(t)
	violations := r.violations()
	for _, v := range violations {
		t.Error(v)
	}
	if len(violations) > 0 {
		w.logRedis()
	}
	return r
}
