package chaos

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// person signs in, uses the app, and signs in again when their session was ended.
type person struct {
	w      *world
	name   string
	binds  bool // in a browser that can
	rng    *rand.Rand
	served [2]atomic.Int64 // when each replica last served them, in nanoseconds since 1970

	mu      sync.Mutex
	now     *guest // who they are at present; nil while they sign in
	ended   chan struct{}
	browser *browser
	steps   []string // what they have done since the last fault was over
}

// step notes what a person does next, so that a recovery that takes long can be told from a wait of theirs.
func (p *person) step(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps = append(p.steps, time.Now().UTC().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
	if len(p.steps) > maxSteps {
		p.steps = slices.Delete(p.steps, 0, len(p.steps)-maxSteps)
	}
}

// maxSteps bounds what is kept of them.
const maxSteps = 60

// lately is what a person did last, a line each.
func (p *person) lately() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.steps, "\n")
}

// newPerson adds a person. Every other four have a browser that binds, so that these have every kind of stream.
func newPerson(w *world, i int, seed uint64) *person {
	p := &person{w: w, name: fmt.Sprintf("person%d", i), binds: i/4%2 == 1, rng: rand.New(rand.NewPCG(seed, 3))}
	w.mu.Lock()
	w.people = append(w.people, p)
	w.mu.Unlock()
	return p
}

// outcome is the result of a request.
type outcome int

const (
	served outcome = iota
	refused
	naked // the short cookie of a bound session is missing
	unreached
	signedOut
	blocked
	other
)

// live is what a person does until the end.
func (p *person) live() {
	var rest sync.WaitGroup
	defer rest.Wait()
	for n := 0; !p.w.over(); n++ {
		g := &guest{id: fmt.Sprintf("%s/%d", p.name, n), person: p.name}
		p.w.app.admit(g)
		b := newBrowser(p.w, g, p.binds)
		if !p.signIn(g, b, p.w.nodes[p.rng.IntN(2)]) {
			p.w.pause(500 * time.Millisecond)
			continue
		}
		p.w.report.count(&p.w.report.SignIns)
		ended := p.become(g, b)
		seed := p.rng.Uint64()
		rest.Go(func() { p.streams(g, b, rand.New(rand.NewPCG(seed, 4))) })
		p.use(g, b)
		if p.w.over() {
			return
		}
		p.become(nil, nil)
		p.step("waits for the caller that ends the session")
		select {
		case <-ended: // the caller that ends it has had an answer
		case <-p.w.done:
			return
		}
		rest.Go(func() { p.haunt(g, b, rand.New(rand.NewPCG(seed, 5))) })
	}
}

func (p *person) become(g *guest, b *browser) chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now, p.browser = g, b
	if g != nil {
		p.ended = make(chan struct{})
	}
	return p.ended
}

// use reads pages until the session is over. Where one replica does not serve, the other is asked, as by a load balancer.
func (p *person) use(g *guest, b *browser) {
	b.Patience(2 * time.Second)
	last := time.Now()
	for !p.w.over() && !g.over() {
		first := p.rng.IntN(2)
		if out, said := p.prove(g, b, first); out == signedOut {
			p.lost(g, said)
			return
		}
		path, navigate := p.page(g), p.rng.IntN(4) == 0
		for try := range 2 {
			n := p.w.nodes[(first+try)%2]
			began := time.Now()
			out, said := p.visit(g, b, n, path, navigate)
			if out == naked {
				out, said = p.proveAndVisit(g, b, n, path, navigate)
			}
			line, _, _ := strings.Cut(said, "\n")
			p.step("%s on replica %d: %s", path, n.index, line)
			switch out {
			case served, blocked:
				now := time.Now()
				p.w.report.served(now.Sub(began))
				p.w.report.fault(p.w.current(), func(f *faultReport) { f.longest = max(f.longest, now.Sub(last)) })
				last = now
				p.served[n.index].Store(now.UnixNano())
			case refused, naked:
				p.w.report.count(&p.w.report.Refused)
				p.w.report.fault(p.w.current(), func(f *faultReport) { f.refused++ })
				continue
			case unreached:
				p.w.report.count(&p.w.report.Unreached)
				continue
			case signedOut:
				p.lost(g, fmt.Sprintf("on replica %d: %s", n.index, line))
				return
			case other:
				p.w.report.note(&p.w.report.Wrong, "%s on replica %d, during %q: %s", g.id, n.index, p.w.current(), said)
			}
			break
		}
		p.w.pause(time.Duration(100+p.rng.IntN(200)) * time.Millisecond)
	}
}

// page chooses what to read. Sessions that are bound read what only they may.
func (p *person) page(g *guest) string {
	switch p.rng.IntN(8) {
	case 0:
		return "/blocked/x"
	case 1:
		if !g.boundAt().IsZero() {
			return "/bound"
		}
	}
	return "/p"
}

// lost notes that a session is over, which is a fault unless it was revoked, and what the gateways have said lately.
func (p *person) lost(g *guest, said string) {
	if g.over() {
		return
	}
	p.w.report.note(&p.w.report.SignedOut, "%s, during %q: %s\n%s\n%s", g.id, p.w.current(), said, p.lately(), p.w.logged())
	g.doubt()
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.ended)
}

// visit makes one request.
func (p *person) visit(g *guest, b *browser, n *node, path string, navigate bool) (outcome, string) {
	header := http.Header{badge: {g.id}}
	if !navigate {
		header["Accept"], header["Sec-Fetch-Mode"], header["Sec-Fetch-Dest"] = []string{"application/json"}, []string{"cors"}, []string{"empty"}
	}
	without := b.without()
	if without {
		header[nakedBadge] = []string{"1"}
	}
	r, err := b.ask(rig.Call{URL: n.url(path), Header: header, Navigate: navigate}, n)
	if err != nil {
		return unreached, err.Error()
	}
	said := fmt.Sprintf("%d %s %s", r.StatusCode, r.Header.Get("Location"), strings.TrimSpace(r.Text[:min(len(r.Text), 300)]))
	cleared := strings.Contains(strings.Join(r.Header.Values("Set-Cookie"), ";"), handle+"=;")
	switch {
	case !cleared && b.bound() && missing(r):
		if !without && b.left() > 0 {
			return other, "with the short cookie: " + said
		}
		return naked, said
	case cleared, r.StatusCode == http.StatusUnauthorized, r.Location() != nil:
		return signedOut, said
	case r.StatusCode == http.StatusOK && !strings.HasPrefix(path, "/blocked") && strings.Contains(r.Text, "app "+p.name+"\n"):
		return served, said
	case r.StatusCode == http.StatusForbidden && path == "/bound":
		p.w.report.note(&p.w.report.Downgraded, "%s on replica %d, during %q: %s", g.id, n.index, p.w.current(), said)
		return blocked, said
	case r.StatusCode == http.StatusForbidden && path != "/p":
		return blocked, said
	case r.StatusCode == http.StatusServiceUnavailable:
		return refused, said
	case r.StatusCode == http.StatusBadGateway:
		return unreached, said
	}
	return other, said
}

// haunt tries a session that has ended to the end of the run.
func (p *person) haunt(g *guest, b *browser, rng *rand.Rand) {
	b.keep()
	for !p.w.over() {
		n := p.w.nodes[rng.IntN(2)]
		began := time.Now()
		var out outcome
		var said string
		if b.bound() && rng.IntN(2) == 0 {
			out, said = b.refreshAt(n)
		} else {
			out, said = p.visit(g, b, n, "/p", false)
		}
		if out == served && g.undead(began) {
			p.w.report.note(&p.w.report.Undead, "%s on replica %d, %v after its end, during %q: %s", g.id, n.index,
				began.Sub(g.revoked).Round(time.Millisecond), p.w.current(), said)
		}
		p.w.pause(time.Duration(700+rng.IntN(600)) * time.Millisecond)
	}
}
