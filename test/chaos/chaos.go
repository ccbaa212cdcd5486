package chaos

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

const (
	// Bound is how long a session may live after its end was acknowledged, on whatever replica.
	Bound = 5 * time.Second
	// recovery is how long everybody may be without service after a fault is over.
	recovery = 40 * time.Second
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
	// Until is when no further fault is begun.
	Until time.Time
}

// Run does it and reports. What must not happen fails the test.
func Run(t testing.TB, c Config) *Report {
	t.Helper()
	t.Logf("chaos: seed %d", c.Seed)
	r := &Report{Seed: c.Seed}
	w := newWorld(t, r, rand.New(rand.NewPCG(c.Seed, 1)))
	began := time.Now()
	var wg sync.WaitGroup
	for i := range c.People {
		p := newPerson(w, fmt.Sprintf("person%d", i), c.Seed+uint64(i)) //nolint:gosec // a small number
		wg.Go(p.live)
	}
	wg.Go(w.strangers)
	w.settle("the start")
	r.ready(time.Since(began))
	stop := make(chan struct{})
	wg.Go(func() { w.revoke(stop, rand.New(rand.NewPCG(c.Seed, 2))) })
	for _, f := range plan(w.rng, c) {
		if !c.Until.IsZero() && time.Now().After(c.Until) {
			r.cutShort()
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
	for _, v := range r.violations() {
		t.Error(v)
	}
	return r
}
