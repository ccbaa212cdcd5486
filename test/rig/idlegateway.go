package rig

import (
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// idleGateways are processes that tests have given back: they serve nothing and have no files. To start one costs more than
// a second of computing with the race detector, and to load another configuration a tenth of that.
var idleGateways struct {
	sync.Mutex
	list []*Gateway
}

// idleGateway takes a process that serves nothing, or returns nil.
func idleGateway(shared bool) *Gateway {
	if !shared {
		return nil
	}
	idleGateways.Lock()
	defer idleGateways.Unlock()
	n := len(idleGateways.list)
	if n == 0 {
		return nil
	}
	g := idleGateways.list[n-1]
	idleGateways.list = idleGateways.list[:n-1]
	return g
}

// serve has a process that serves nothing serve a Caddyfile, and fails the test if that is refused.
func (g *Gateway) serve(caddyfile string) {
	g.t.Helper()
	if status, answer := g.AskAdmin(http.MethodPost, "/load", caddyfile); status != http.StatusOK {
		g.t.Fatalf("the gateway does not start: %d: %s\n%s", status, answer, tail(g.out.String(), 12000))
	}
	g.awaitProbe()
}

// loadComplete is what a gateway prints when it serves what it was given to load.
const loadComplete = `"msg":"load complete"`

// handOver has the gateway serve nothing and forget its files and what it printed, and keeps it for another test. What it
// printed is looked through for faults first. To load nothing closes what a configuration holds as a stop does: sites,
// stores, the key ring, the sign-in log. It reports false for a process that does not run or does not do that; the caller
// ends it.
func (g *Gateway) handOver() bool {
	g.t.Helper()
	if g.gone() || g.paused {
		return false
	}
	before := strings.Count(g.out.String(), loadComplete)
	status, _, err := g.askAdmin(http.MethodPost, "/load", "{\n}\n")
	if err != nil || status != http.StatusOK {
		return false
	}
	// Whatever the process said before that line has arrived with it.
	if !Holds(Patience, func() bool { return strings.Count(g.out.String(), loadComplete) > before }) {
		return false
	}
	if len(faults(g.out.String())) > 0 || os.RemoveAll(g.data) != nil {
		return false
	}
	g.out.Reset()
	idleGateways.Lock()
	defer idleGateways.Unlock()
	idleGateways.list = append(idleGateways.list, g)
	return true
}

// endIdleGateways ends the processes that no test uses and returns what is wrong with them.
func endIdleGateways() (found []string) {
	idleGateways.Lock()
	defer idleGateways.Unlock()
	for _, g := range idleGateways.list {
		_ = g.cmd.Process.Signal(syscall.SIGTERM)
	}
	for _, g := range idleGateways.list {
		select {
		case <-g.ended:
		case <-time.After(Patience):
			found = append(found, "the gateway does not end")
			_ = g.cmd.Process.Kill()
			<-g.ended
		}
		found = append(found, faults(g.out.String())...)
	}
	idleGateways.list = nil
	return found
}
