package redistest

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const slots = 16384

// StartCluster starts n masters that share the slots, and waits until each of them serves.
func StartCluster(t testing.TB, n int) []*Server {
	t.Helper()
	nodes := make([]*Server, n)
	for i := range nodes {
		nodes[i] = StartWith(t, Config{Args: []string{"--cluster-enabled", "yes", "--cluster-port", fmt.Sprint(freePort(t))}})
		args := []any{"cluster", "addslots"}
		for slot := i * slots / n; slot < (i+1)*slots/n; slot++ {
			args = append(args, slot)
		}
		nodes[i].Do(args...)
	}
	for _, node := range nodes[1:] {
		host, port, err := net.SplitHostPort(nodes[0].Addr)
		if err != nil {
			t.Fatal(err)
		}
		bus := nodes[0].args[len(nodes[0].args)-1]
		node.Do("cluster", "meet", host, port, bus)
	}
	for _, node := range nodes {
		until(t, "a node knows the others and all slots", func() bool {
			info, _ := node.Do("cluster", "info").(string)
			return strings.Contains(info, "cluster_state:ok") && linked(node, n) && strings.Contains(info, fmt.Sprintf("cluster_slots_ok:%d\r", slots))
		})
	}
	return nodes
}

// Cluster is masters that share the slots, with a replica for each.
type Cluster struct {
	t        testing.TB
	Masters  []*Server
	Replicas []*Server // in the order of the masters
}

// StartReplicated starts a cluster of n masters with a replica each, and waits until each of them follows its master.
func StartReplicated(t testing.TB, n int) *Cluster {
	t.Helper()
	c := &Cluster{t: t, Masters: StartCluster(t, n)}
	host, port, err := net.SplitHostPort(c.Masters[0].Addr)
	if err != nil {
		t.Fatal(err)
	}
	bus := c.Masters[0].args[len(c.Masters[0].args)-1]
	for _, master := range c.Masters {
		replica := StartWith(t, Config{Args: []string{"--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", fmt.Sprint(freePort(t))}})
		master.Do("config", "set", "cluster-node-timeout", "1000")
		replica.Do("cluster", "meet", host, port, bus)
		id := master.Do("cluster", "myid")
		until(t, "a replica follows", func() bool { _, err := replica.Try("cluster", "replicate", id); return err == nil })
		c.Replicas = append(c.Replicas, replica)
	}
	until(t, "all nodes know each other", func() bool {
		for _, node := range append(append([]*Server(nil), c.Masters...), c.Replicas...) {
			info, err := node.Try("cluster", "info")
			if text, _ := info.(string); err != nil || !strings.Contains(text, "cluster_state:ok") || !linked(node, 2*n) {
				return false
			}
		}
		for _, replica := range c.Replicas {
			role, err := replica.Try("role")
			if state, ok := role.([]any); err != nil || !ok || state[0] != "slave" || state[3] != "connected" {
				return false
			}
		}
		return true
	})
	return c
}

// linked reports whether a node has a connection to each other node of n: it knows them before, and passes on no message
// to those that it has none to.
func linked(node *Server, n int) bool {
	text, err := node.Try("cluster", "nodes")
	if err != nil {
		return false
	}
	lines := strings.Split(strings.TrimSpace(fmt.Sprint(text)), "\n")
	for _, line := range lines {
		const flags, state = 2, 7
		fields := strings.Fields(line)
		if len(fields) <= state || fields[state] != "connected" || strings.Contains(fields[flags], "handshake") {
			return false
		}
	}
	return len(lines) == n
}

// Reshard moves so many slots from one master to another, as redis-cli does, while both serve.
func (c *Cluster) Reshard(from, to *Server, slots int) {
	c.t.Helper()
	until(c.t, "the nodes agree about the slots", func() bool {
		return exec.Command("redis-cli", "--cluster", "check", from.Addr).Run() == nil //nolint:gosec // the tests' own arguments
	})
	args := []string{
		"--cluster", "reshard", from.Addr, "--cluster-from", fmt.Sprint(from.Do("cluster", "myid")),
		"--cluster-to", fmt.Sprint(to.Do("cluster", "myid")), "--cluster-slots", fmt.Sprint(slots), "--cluster-yes",
	}
	if out, err := exec.Command("redis-cli", args...).CombinedOutput(); err != nil { //nolint:gosec // the tests' own arguments
		c.t.Fatalf("redis-cli: %v\n%s", err, out[max(0, len(out)-2000):])
	}
}

func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("not in thirty seconds: %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
