package chaos

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
	"github.com/latchkey-gateway/latchkey/test/rig"
)

// fault is something that goes wrong, and is put right again.
type fault struct {
	name string
	do   func(*world)
}

// faults are all there are.
func faults(reloads int) []fault {
	return []fault{
		{"gateway killed", func(w *world) { w.broken(func(n *node) { n.Kill(); w.hold(1500); n.Start() }) }},
		{"gateway restarted", func(w *world) { w.broken((*node).restart) }},
		{"gateway stopped", func(w *world) {
			n := w.node()
			n.away.Store(true)
			n.Pause()
			w.hold(5000)
			n.Resume()
			n.away.Store(false)
		}},
		{"gateways reloaded", func(w *world) { w.reload(reloads) }},
		{"bad reload", func(w *world) {
			n := w.node()
			if err := n.Reload(strings.Replace(w.caddyfile(n), "recheck 8s", "recheck 8s\nnonsense", 1)); err == nil {
				w.report.note(&w.report.Wrong, "a configuration with an unknown word was loaded")
			}
			w.hold(500)
		}},
		{"master killed", func(w *world) {
			w.whole() // a master without replicas takes along what only it has
			old := w.master()
			old.Stop()
			w.elected(old)
			w.hold(1000)
			old.Restart()
			w.whole()
		}},
		{"master stopped", func(w *world) {
			old := w.master()
			old.Pause()
			w.elected(old)
			w.hold(w.rng.IntN(2000))
			old.Resume() // and believes for a while that nothing has happened
			w.whole()
		}},
		{"master stopped briefly", func(w *world) { old := w.master(); old.Pause(); w.hold(300); old.Resume(); w.whole() }},
		{"failover ordered", func(w *world) {
			old := w.master()
			_, _ = w.redis.Sentinels[w.rng.IntN(3)].Try("sentinel", "failover", w.redis.Master)
			w.elected(old)
			w.whole()
		}},
		{"replica killed", func(w *world) { s := w.replica(); s.Stop(); w.hold(2000); s.Restart(); w.whole() }},
		{"replica stopped", func(w *world) { s := w.replica(); s.Pause(); w.hold(3000); s.Resume(); w.whole() }},
		{"sentinel killed", func(w *world) {
			s := w.redis.Sentinels[w.rng.IntN(3)]
			s.Stop()
			w.hold(2000)
			s.Restart()
			w.whole()
		}},
		{"all of Redis stopped", func(w *world) {
			for _, s := range w.redis.Servers {
				s.Pause()
			}
			w.hold(4000)
			for _, s := range w.redis.Servers {
				s.Resume()
			}
			w.whole()
		}},
		{"provider down", func(w *world) { w.idp.Down(); w.hold(4000); w.idp.Up() }},
		{"provider stopped", func(w *world) { w.idp.Pause(); w.hold(4000); w.idp.Resume() }},
		{"provider overloaded", func(w *world) {
			w.idp.Fail("token", rig.Fault{Status: 429, RetryAfter: "1", Times: -1})
			w.hold(3000)
			w.idp.Heal("token")
		}},
		{"provider changes keys", func(w *world) { w.idp.Rotate(true); w.hold(500) }},
		{"transmitter down", func(w *world) {
			w.events.Rotate() // so that the keys are asked for
			w.events.Down.Store(true)
			w.hold(4000)
			w.events.Down.Store(false)
		}},
		{"forged events", (*world).forge},
	}
}

// plan is every fault as often as there are rounds, each round in an order of its own.
func plan(rng *rand.Rand, c Config) []fault {
	each := max(1, c.Reloads/(2*max(1, c.Rounds)))
	var all []fault
	for range c.Rounds {
		round := faults(each)
		round = slices.DeleteFunc(round, func(f fault) bool {
			return c.Only != nil && !slices.Contains(c.Only, f.name)
		})
		rng.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
		all = append(all, round...)
	}
	return all
}

// inject causes a fault and waits until all users are served again.
func (w *world) inject(f fault) {
	w.t.Logf("%s %s", time.Now().UTC().Format("15:04:05.000"), f.name)
	w.mu.Lock()
	w.fault = f.name
	w.mu.Unlock()
	f.do(w)
	took := w.settle(f.name)
	w.report.fault(f.name, func(r *faultReport) {
		r.times++
		r.recovery = max(r.recovery, took)
	})
}

func (w *world) hold(milliseconds int) { w.pause(time.Duration(milliseconds) * time.Millisecond) }

func (w *world) node() *node { return w.nodes[w.rng.IntN(2)] }

// broken does something to a node that ends its process.
func (w *world) broken(do func(*node)) {
	n := w.node()
	n.away.Store(true)
	n.breaks.Add(1)
	do(n)
	n.breaks.Add(1)
	n.away.Store(false)
}

func (n *node) restart() { n.Restart() }

// reload gives both replicas so many new configurations, one after the other.
func (w *world) reload(times int) {
	for range times {
		for _, n := range w.nodes {
			n.turn++
			if err := n.Reload(w.caddyfile(n)); err != nil {
				w.report.note(&w.report.Wrong, "reloading: %v", err)
			}
			w.report.count(&w.report.Reloads)
		}
		w.hold(200)
	}
}

// master waits until there is one.
func (w *world) master() *redistest.Server {
	var s *redistest.Server
	rig.Until(w.t, 30*time.Second, "there is a master", func() bool { s = w.redis.Current(); return s != nil })
	return s
}

func (w *world) replica() *redistest.Server {
	master := w.master()
	others := slices.DeleteFunc(slices.Clone(w.redis.Servers), func(s *redistest.Server) bool { return s == master })
	return others[w.rng.IntN(len(others))]
}

// elected waits until another is the master.
func (w *world) elected(old *redistest.Server) {
	defer w.logTook("another master", time.Now())
	rig.Until(w.t, 60*time.Second, "another master is elected", func() bool {
		s := w.redis.Current()
		return s != nil && s != old
	})
}

// whole waits until all servers replicate again.
func (w *world) whole() {
	defer w.logTook("all of Redis back", time.Now())
	rig.Until(w.t, 60*time.Second, "all of Redis is back", w.redis.Whole)
}

// logTook tells what a failover itself takes, which is no part of the recovery that is reported.
func (w *world) logTook(what string, began time.Time) {
	w.t.Logf("%s: %s after %v", w.current(), what, time.Since(began).Round(10*time.Millisecond))
}

// logRedis logs what the servers and the sentinels said, so that a failed run can be told from a failover that
// no fault has caused: on a busy machine a server that waits for its turn counts as dead.
func (w *world) logRedis() {
	for i, s := range w.redis.Sentinels {
		w.t.Logf("sentinel %d\n%s", i, s.Output())
	}
	for _, s := range w.redis.Servers {
		w.t.Logf("redis %s\n%s", s.Addr, s.Output())
	}
}
