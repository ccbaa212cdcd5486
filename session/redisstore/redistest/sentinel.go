package redistest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// SentinelSet is a master, a replica of it and a sentinel that watches both and fails over after half a second.
type SentinelSet struct {
	Master        string // the name the sentinel knows the master by
	First, Second *Server
	Sentinel      *Server
}

// StartSentinel starts a set and waits until the sentinel knows the replica.
func StartSentinel(t testing.TB) *SentinelSet {
	t.Helper()
	set := &SentinelSet{Master: "mymaster", First: Start(t), Second: Start(t)}
	host, port, err := net.SplitHostPort(set.First.Addr)
	if err != nil {
		t.Fatal(err)
	}
	set.Second.Do("replicaof", host, port)

	own := freePort(t)
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	conf := fmt.Sprintf("bind 127.0.0.1\nport %d\ndir %s\nsentinel monitor %s %s %s 1\n"+
		"sentinel down-after-milliseconds %[3]s 500\nsentinel failover-timeout %[3]s 5000\n",
		own, filepath.Dir(file), set.Master, host, port)
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	set.Sentinel = newServer(t, own)
	set.Sentinel.args = []string{file, "--sentinel"}
	set.Sentinel.begin()

	// The sentinel learns of replicas from what the master says, every ten seconds unless it is asked to look now.
	deadline := time.After(30 * time.Second)
	for {
		replicas := fmt.Sprint(set.Sentinel.Do("sentinel", "replicas", set.Master))
		if strings.Contains(replicas, "master-link-status ok") {
			return set
		}
		select {
		case <-deadline:
			t.Fatalf("the sentinel does not see the replica: %s", replicas)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
