package redistest

import (
	"fmt"
	"net"
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
	deadline := time.After(30 * time.Second)
	for _, node := range nodes {
		for {
			info, _ := node.Do("cluster", "info").(string)
			known := fmt.Sprintf("cluster_known_nodes:%d\r", n)
			if strings.Contains(info, "cluster_state:ok") && strings.Contains(info, known) && strings.Contains(info, fmt.Sprintf("cluster_slots_ok:%d\r", slots)) {
				break
			}
			select {
			case <-deadline:
				t.Fatalf("the cluster does not come up:\n%s", info)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nodes
}
