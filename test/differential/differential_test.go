package differential

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

var (
	lasting = flag.Duration("differential", 0, "go on for this long instead of a fixed number of requests")
	seeded  = flag.Uint64("seed", 0, "repeats a run; 0 is the short form's own seed, or any with -differential")
	single  = flag.Int("case", -1, "sends this case of the seed alone")
)

const (
	shortForm = 20_000 // requests
	shortSeed = 20261129
	workers   = 4
)

// What the guard decided on is what the servers behind it understand (field trial 2.1, 2.2, 2.3, 2.8; A05, A06, A09, A29,
// A50, A51, A52, A57, A58, A59).
func TestDifferential(t *testing.T) {
	seed := *seeded
	if seed == 0 {
		seed = shortSeed
		if *lasting > 0 {
			seed = rand.Uint64()>>12 + 1
		}
	}
	t.Logf("seed %d", seed)
	x := newTrial(t, seed)
	if *single < 0 {
		t.Run("ordinary", x.testOrdinary)
	}
	t.Run("odd", x.testOdd)
	for _, o := range x.stray {
		t.Errorf("%v", o)
	}
	if t.Failed() {
		t.Logf("`make differential SEED=%d` repeats it", seed)
	}
}

// testOdd sends what the generator makes.
func (x *trial) testOdd(t *testing.T) {
	failed := &failures{}
	c := newClient(t.Context(), x.gw)
	defer c.close()
	if *single >= 0 {
		o := x.send(c, x.gen.make(*single))
		t.Log(o)
		failed.add(o)
	} else {
		x.run(t, failed)
	}
	for _, o := range failed.list {
		t.Errorf("%v\nsmaller: %v", o, x.shrink(c, o))
	}
	if failed.n > 0 {
		t.Logf("%d requests failed", failed.n)
	}
}

// run sends cases until there were enough of them, and fails the test where it would have shown nothing.
func (x *trial) run(t *testing.T, failed *failures) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if *lasting > 0 {
		ctx, cancel = context.WithTimeout(t.Context(), *lasting)
		defer cancel()
	}
	var next, reached atomic.Int64
	var statuses sync.Map
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			c := newClient(t.Context(), x.gw)
			defer c.close()
			for ctx.Err() == nil && !failed.enough() {
				n := next.Add(1)
				if *lasting == 0 && n > shortForm {
					return
				}
				o := x.send(c, x.gen.make(int(n)))
				reached.Add(int64(o.arrivals))
				s, _ := statuses.LoadOrStore(fmt.Sprintf("%s %d", o.kase.request.proto, o.status), new(atomic.Int64))
				s.(*atomic.Int64).Add(1)
				failed.add(o)
			}
		})
	}
	all.Wait()
	sent := next.Load()
	t.Logf("%d requests, %d reached the app", sent, reached.Load())
	statuses.Range(func(k, v any) bool { t.Logf("%s: %d", k, v.(*atomic.Int64).Load()); return true })
	for name, n := range x.tee.read {
		t.Logf("%s read %d and refused %d", name, n.yes.Load(), n.no.Load())
		if !t.Failed() && failed.n == 0 && n.yes.Load() < reached.Load()/20 {
			t.Errorf("%s read nearly nothing", name)
		}
	}
	if failed.n == 0 && (reached.Load() < sent/10 || reached.Load() > sent*9/10) {
		t.Errorf("%d of %d requests reached the app: they are too much alike", reached.Load(), sent)
	}
}

// failures keeps the first of each kind.
type failures struct {
	mu    sync.Mutex
	n     int
	kinds map[string]bool
	list  []*outcome
}

func (f *failures) add(o *outcome) {
	if len(o.wrong) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	kind := o.kase.rule.label() + " " + kindOf(o)
	if f.kinds == nil {
		f.kinds = map[string]bool{}
	}
	if !f.kinds[kind] && len(f.list) < 12 {
		f.kinds[kind] = true
		f.list = append(f.list, o)
	}
}

func (f *failures) enough() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n >= 200 || len(f.list) >= 12
}
