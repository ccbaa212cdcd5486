package differential

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// count is of the requests that a server read and of those that it refused.
type count struct{ yes, no atomic.Int64 }

// outcome is what became of a case.
type outcome struct {
	kase     *kase
	status   int
	arrivals int
	wrong    []string
}

func (o *outcome) String() string {
	return fmt.Sprintf("case %d at the site %s, answered with %d:\n%s\n- %s",
		o.kase.number, o.kase.rule.label(), o.status, o.kase.request, strings.Join(o.wrong, "\n- "))
}

// trial is the gateway with its apps, and what becomes of the cases that are sent to it.
type trial struct {
	gw  *gateway
	tee *tee
	gen *generator

	mu    sync.Mutex
	open  map[int]*outcome // by number: cases under way
	stray []*outcome       // what is wrong about requests that no case waits for
	late  int              // numbers of cases that the generator does not make
	ready atomic.Bool      // nobody signs in any more
}

// beyond is the first number of the cases that are not the generator's.
const beyond = 1 << 40

func newTrial(t testing.TB, seed uint64) *trial {
	t.Helper()
	x := &trial{open: map[int]*outcome{}, late: beyond}
	list := rules()
	x.gen = &generator{seed: seed, rules: list}
	var addr string
	x.tee, addr = newTee(t, servers(t), func(a *arrival) { x.arrived(a.id, a.method, a.target, a.readings) })
	told := &count{}
	cgi := fastCGI(t, func(env map[string]string) string {
		told.yes.Add(1)
		x.arrived(env["HTTP_X_CASE"], env["REQUEST_METHOD"], env["REQUEST_URI"], []*reading{readEnv("caddy's fastcgi", env)})
		return "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n"
	})
	x.tee.read["caddy's fastcgi"] = told
	x.gw = newGateway(t, list, addr, cgi)
	x.gen.gw = x.gw
	x.ready.Store(true)
	return x
}

// arrived judges a request that has reached the app.
func (x *trial) arrived(id, method, target string, readings []*reading) {
	if !x.ready.Load() {
		return
	}
	number, err := strconv.Atoi(id)
	x.mu.Lock()
	o := x.open[number]
	x.mu.Unlock()
	if err != nil || o == nil && number >= beyond {
		x.lost(&outcome{kase: &kase{rule: &rule{name: "unknown"}, request: &request{method: method, target: target}}, wrong: []string{
			"a request reached the app that no case sent",
		}})
		return
	}
	if o == nil { // its answer is there already
		k := x.gen.make(number)
		if wrong := check(k, method, target, readings); len(wrong) > 0 {
			x.lost(&outcome{kase: k, wrong: wrong})
		}
		return
	}
	wrong := check(o.kase, method, target, readings)
	x.mu.Lock()
	defer x.mu.Unlock()
	o.arrivals++
	o.wrong = append(o.wrong, wrong...)
	if o.arrivals > 1 {
		o.wrong = append(o.wrong, "it reached the app more than once")
	}
}

func (x *trial) lost(o *outcome) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.stray) < 10 {
		x.stray = append(x.stray, o)
	}
}

// send sends a case and returns what became of it. A case without a number gets one.
func (x *trial) send(c *client, k *kase) *outcome {
	o := &outcome{kase: k}
	x.mu.Lock()
	if k.number < 0 {
		k.number = x.late
		x.late++
	}
	x.open[k.number] = o
	x.mu.Unlock()
	status, err := c.do(k)
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.open, k.number)
	o.status = status
	if err != nil {
		o.wrong = append(o.wrong, err.Error())
	}
	if k.fixed && o.arrivals == 0 {
		o.wrong = append(o.wrong, "it did not reach the app")
	}
	return o
}
