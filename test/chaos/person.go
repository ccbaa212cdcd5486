package chaos

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
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
	rng    *rand.Rand
	served [2]atomic.Int64 // when each replica last served them, in nanoseconds since 1970

	mu    sync.Mutex
	now   *guest // who they are at present; nil while they sign in
	ended chan struct{}
	http  *rig.HTTP
	steps []string // what they have done since the last fault was over
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

func newPerson(w *world, name string, seed uint64) *person {
	p := &person{w: w, name: name, rng: rand.New(rand.NewPCG(seed, 3))}
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
		c := rig.NewHTTP(p.w.t)
		if !p.signIn(g, c, p.w.nodes[p.rng.IntN(2)]) {
			p.w.pause(500 * time.Millisecond)
			continue
		}
		p.w.report.count(&p.w.report.SignIns)
		ended := p.become(g, c)
		cookie := c.Cookie("127.0.0.1", "latchkey")
		seed := p.rng.Uint64()
		rest.Go(func() { p.streams(g, cookie, rand.New(rand.NewPCG(seed, 4))) })
		p.use(g, c)
		if p.w.over() {
			return
		}
		p.become(nil, nil)
		p.step("waits for whoever ends the session")
		select {
		case <-ended: // the caller that ends it has had an answer
		case <-p.w.done:
			return
		}
		rest.Go(func() { p.haunt(g, c, rand.New(rand.NewPCG(seed, 5))) })
	}
}

func (p *person) become(g *guest, c *rig.HTTP) chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now, p.http = g, c
	if g != nil {
		p.ended = make(chan struct{})
	}
	return p.ended
}

// use reads pages until the session is over. Where one replica does not serve, the other is asked, as by a load balancer.
func (p *person) use(g *guest, c *rig.HTTP) {
	c.Patience(2 * time.Second)
	last := time.Now()
	for !p.w.over() && !g.over() {
		first := p.rng.IntN(2)
		path, navigate := "/p", p.rng.IntN(4) == 0
		if p.rng.IntN(8) == 0 {
			path = "/blocked/x"
		}
		for try := range 2 {
			n := p.w.nodes[(first+try)%2]
			began := time.Now()
			out, said := p.visit(g, c, n, path, navigate)
			line, _, _ := strings.Cut(said, "\n")
			p.step("%s on replica %d: %s", path, n.index, line)
			switch out {
			case served, blocked:
				now := time.Now()
				p.w.report.served(now.Sub(began))
				p.w.report.fault(p.w.current(), func(f *faultReport) { f.longest = max(f.longest, now.Sub(last)) })
				last = now
				p.served[n.index].Store(now.UnixNano())
			case refused:
				p.w.report.count(&p.w.report.Refused)
				p.w.report.fault(p.w.current(), func(f *faultReport) { f.refused++ })
				continue
			case unreached:
				p.w.report.count(&p.w.report.Unreached)
				continue
			case signedOut:
				if !g.over() {
					p.w.report.note(&p.w.report.SignedOut, "%s on replica %d, during %q: %s\n%s", g.id, n.index, p.w.current(), line, p.lately())
					g.doubt()
					p.mu.Lock()
					close(p.ended)
					p.mu.Unlock()
				}
				return
			case other:
				p.w.report.note(&p.w.report.Wrong, "%s on replica %d, during %q: %s", g.id, n.index, p.w.current(), said)
			}
			break
		}
		p.w.pause(time.Duration(100+p.rng.IntN(200)) * time.Millisecond)
	}
}

// visit makes one request.
func (p *person) visit(g *guest, c *rig.HTTP, n *node, path string, navigate bool) (outcome, string) {
	header := http.Header{badge: {g.id}}
	if !navigate {
		header["Accept"], header["Sec-Fetch-Mode"], header["Sec-Fetch-Dest"] = []string{"application/json"}, []string{"cors"}, []string{"empty"}
	}
	r, err := c.Try(rig.Call{URL: n.url(path), Header: header, Navigate: navigate})
	if err != nil {
		return unreached, err.Error()
	}
	said := fmt.Sprintf("%d %s %s", r.StatusCode, r.Header.Get("Location"), strings.TrimSpace(r.Text[:min(len(r.Text), 300)]))
	cleared := strings.Contains(strings.Join(r.Header.Values("Set-Cookie"), ";"), "latchkey=;")
	switch {
	case cleared, r.StatusCode == http.StatusUnauthorized, r.Location() != nil:
		return signedOut, said
	case r.StatusCode == http.StatusOK && path == "/p" && strings.Contains(r.Text, "app "+p.name+"\n"):
		return served, said
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
func (p *person) haunt(g *guest, c *rig.HTTP, rng *rand.Rand) {
	for !p.w.over() {
		n := p.w.nodes[rng.IntN(2)]
		began := time.Now()
		if out, said := p.visit(g, c, n, "/p", false); out == served && g.undead(began) {
			p.w.report.note(&p.w.report.Undead, "%s on replica %d, %v after its end, during %q: %s", g.id, n.index,
				began.Sub(g.revoked).Round(time.Millisecond), p.w.current(), said)
		}
		p.w.pause(time.Duration(700+rng.IntN(600)) * time.Millisecond)
	}
}

// signIn goes the way of a browser, and reports whether it led to the app. Anything may fail on the way.
func (p *person) signIn(g *guest, c *rig.HTTP, n *node) bool {
	c.Patience(15 * time.Second)
	call := rig.Call{URL: n.url("/p"), Navigate: true}
	for range 30 {
		header := http.Header{badge: {g.id}}
		for k, v := range call.Header {
			header[k] = v
		}
		call.Header = header
		began := time.Now()
		where, _, _ := strings.Cut(call.URL, "?")
		r, err := c.Try(call)
		if err != nil {
			p.step("%s %s: %v", g.id, where, err)
		} else {
			p.step("%s %s: %d to %s", g.id, where, r.StatusCode, r.Header.Get("Location"))
		}
		p.w.slow(began, "signing %s in: %s", g.id, where)
		if err != nil || p.w.over() {
			return false
		}
		switch next := r.Location(); {
		case next != nil:
			call = rig.Call{URL: next.String(), Navigate: true}
		case r.StatusCode != http.StatusOK:
			return false
		case r.HasButton(p.w.t, p.name):
			call = send(r.Form(p.w.t, p.name))
		case r.HasButton(p.w.t, "No"):
			// A user who has not answered is not signed in: the app would say so.
			if p.rng.IntN(4) == 0 {
				_, _ = c.Try(rig.Call{URL: n.url("/p"), Header: http.Header{badge: {g.id}}})
			}
			g.enter()
			call = send(r.Form(p.w.t, []string{"Yes", "No"}[p.rng.IntN(2)]))
		default:
			return strings.Contains(r.Text, "app "+p.name+"\n")
		}
	}
	return false
}

// send is a form as a browser sends it.
func send(f *rig.Form) rig.Call {
	u, err := url.Parse(f.Action)
	if err != nil {
		return rig.Call{URL: f.Action}
	}
	return rig.Call{URL: f.Action, Form: f.Values, Navigate: true, Header: http.Header{
		"Origin": {u.Scheme + "://" + u.Host}, "Sec-Fetch-Site": {"same-origin"},
	}}
}
