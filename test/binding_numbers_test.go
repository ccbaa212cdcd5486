package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/bound/boundtest"
	"github.com/latchkey-gateway/latchkey/test/rig"
)

// owner is a client with a bound session, and the key of it.
type owner struct {
	*rig.HTTP
	t              *testing.T
	device         *boundtest.Device
	identifier     string
	challenge      string
	asked, refused int // refreshes that were asked for, and those of them that wanted another challenge
}

// owner signs a person in, for longer than the browser's life, and registers a key.
func (s *site) owner(t *testing.T, user string) *owner {
	t.Helper()
	o := &owner{HTTP: rig.NewHTTP(t), t: t, device: boundtest.New(t)}
	r := s.enter(o.HTTP, "/", user, "")
	if !isPrompt(r) {
		t.Fatalf("no prompt at %s: %d", r.At, r.StatusCode)
	}
	r = o.Send(r.Form(t, "Yes"))
	offer, ok := boundtest.ReadOffer(t, r.Header)
	if !ok {
		t.Fatalf("no binding is offered: %d %v", r.StatusCode, r.Header)
	}
	r = o.Do(rig.Call{Method: http.MethodPost, URL: s.url(offer.Path), Header: http.Header{"Secure-Session-Response": {o.device.Registration(offer)}}})
	if r.StatusCode != http.StatusOK {
		t.Fatalf("registration: %d", r.StatusCode)
	}
	o.keep(r)
	if !s.alive(o.HTTP) {
		t.Fatal("the session that was just bound is refused")
	}
	return o
}

func (o *owner) keep(r rig.Reply) {
	o.t.Helper()
	if text, id := boundtest.ReadChallenge(o.t, r.Header); text != "" {
		o.challenge, o.identifier = text, id
	}
}

// refresh gets a new short cookie of a site.
func (o *owner) refresh(s *site) {
	o.t.Helper()
	o.asked++
	for range 2 {
		r := o.Do(rig.Call{Method: http.MethodPost, URL: s.url("/.latchkey/bound/refresh"), Header: http.Header{
			"Sec-Secure-Session-Id": {o.identifier}, "Secure-Session-Response": {o.device.Proof(o.challenge)},
		}})
		o.keep(r)
		if r.StatusCode == http.StatusOK && !strings.Contains(r.Text, `"continue":false`) {
			return
		}
		if r.StatusCode != http.StatusForbidden {
			o.t.Fatalf("refresh: %d %s", r.StatusCode, r.Text)
		}
		o.refused++
	}
	o.t.Fatal("a new challenge is refused")
}

// boundReplicas are two replicas of a site that binds its sessions.
func boundReplicas(t *testing.T) (one, two *site) {
	t.Helper()
	data := t.TempDir()
	one, _ = boundSite(t, config{data: data}, "")
	c := one.c
	c.peer, c.port = one, rig.FreePort(t)
	return one, newSite(t, c)
}

// V5: the thief's window. Both cookies, copied at the worst moment, work for the lifetime of the short cookie and five
// seconds at most, at each replica. The owner goes on to refresh at both.
func TestThiefsWindow(t *testing.T) {
	t.Parallel()
	one, two := boundReplicas(t)
	o := one.owner(t, "alice")
	o.refresh(two)
	asked := time.Now() // before the cookie was made, so that the window is no shorter than what is measured
	o.refresh(one)
	thief := o.Copy(t)
	ended := map[*site]time.Duration{}
	for _, s := range []*site{one, two} {
		if !s.alive(thief) {
			t.Fatal("a copy does not work within its time, so this test shows nothing")
		}
	}
	rig.Until(t, boundLife+rig.Patience, "both replicas refuse the copy", func() bool {
		for _, s := range []*site{one, two} {
			at := time.Since(asked)
			if _, over := ended[s]; !over && !s.alive(thief) {
				ended[s] = at
			}
		}
		if time.Since(asked) < boundLife-2*time.Second {
			o.refresh(two)
		}
		return len(ended) == 2
	})
	for s, after := range ended {
		t.Logf("%s: the copy was refused when it was asked for %v after the theft, with a short cookie of %v", s.origin(), after.Round(time.Millisecond), boundLife)
		if after > boundLife+5*time.Second {
			t.Errorf("the thief's window is %v", after)
		}
	}
	o.refresh(one)
	for _, s := range []*site{one, two} {
		if !s.alive(o.HTTP) {
			t.Error("the owner is refused")
		}
		if r := s.api(thief, "/x"); r.StatusCode != http.StatusUnauthorized || !strings.Contains(r.Text, "binding_missing") {
			t.Errorf("the copy, while the owner goes on: %d %s", r.StatusCode, r.Text)
		}
	}
}

// V8: 100,000 bound sessions that refresh every eight minutes may cost Redis 250 writes a second. What one refresh costs
// is counted by Redis; it is one read as well.
func TestWritesOfARefresh(t *testing.T) {
	t.Parallel()
	const (
		sessions, every = 100_000, 8 * time.Minute
		owners, each    = 3, 10
	)
	one, two := boundReplicas(t)
	var all []*owner
	for i := range owners {
		all = append(all, one.owner(t, []string{"alice", "adam"}[i%2]))
	}
	refresh := func(times int) {
		for i := range times {
			for _, o := range all {
				o.refresh([]*site{one, two}[i%2])
			}
		}
	}
	refresh(2) // each replica knows the sessions
	before := redisCalls(t, one.redis)
	refresh(each)
	reads, writes := 0, 0
	for name, n := range redisCalls(t, one.redis) {
		switch n -= before[name]; {
		case n == 0:
		case readOnly[name]:
			reads += n
		default:
			t.Logf("%s: %d", name, n)
			writes += n
		}
	}
	for _, o := range all {
		if o.refused > 0 {
			t.Errorf("%d of %d refreshes were refused first", o.refused, o.asked)
		}
	}
	perRefresh := float64(writes) / (owners * each)
	perSecond := perRefresh * sessions / every.Seconds()
	t.Logf("a refresh: %.2f writes, %.2f reads; %d sessions every %v: %.0f writes a second", perRefresh, float64(reads)/(owners*each), sessions, every, perSecond)
	if perSecond > 250 {
		t.Errorf("%.0f writes a second", perSecond)
	}
	if float64(writes) < owners*each {
		t.Errorf("%d writes for %d refreshes: one does not note its challenge, or this test does not count it", writes, owners*each)
	}
}

// readOnly are the commands that write nothing.
var readOnly = map[string]bool{"get": true, "getrange": true, "mget": true, "ping": true, "info": true, "hello": true, "client|setinfo": true, "client|tracking": true, "zrangebyscore": true, "zrange": true, "select": true, "quit": true, "time": true, "wait": true}

// redisCalls is how often each command was called.
func redisCalls(t *testing.T, addr string) map[string]int {
	t.Helper()
	calls := map[string]int{}
	for _, line := range rig.RedisLines(t, addr, "INFO commandstats") {
		name, rest, ok := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
		if !ok {
			continue
		}
		var n int
		if _, err := fmt.Sscan(strings.SplitN(rest, ",", 2)[0], &n); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		calls[name] = n
	}
	if len(calls) == 0 {
		t.Fatal("Redis counts no commands")
	}
	return calls
}
