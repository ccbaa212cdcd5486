package redistest

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// SentinelConfig says how a set is made. The zero value is a master, a replica and a sentinel.
type SentinelConfig struct {
	// Replicas and Sentinels are how many there are; zero means one.
	Replicas, Sentinels int
	// DownAfter is how long a server must not answer before a sentinel calls it down; zero means half a second. A busy
	// machine lets a server wait that long for its turn.
	DownAfter time.Duration
	// Persistent servers keep what they hold over Stop and Restart. Without it a master that comes back is empty, and
	// everything is lost if the sentinels elect it again before it has copied anything.
	Persistent bool
}

// SentinelSet is a master, replicas of it and sentinels that watch them and fail over.
type SentinelSet struct {
	Master        string    // the name the sentinels know the master by
	First, Second *Server   // the first master, and a replica of it
	Servers       []*Server // First, Second and further replicas
	Sentinel      *Server   // the first of them
	Sentinels     []*Server
}

// StartSentinel starts a master, a replica and a sentinel.
func StartSentinel(t testing.TB) *SentinelSet {
	t.Helper()
	return StartSentinels(t, SentinelConfig{})
}

// StartSentinels starts a set and waits until each sentinel knows all others.
func StartSentinels(t testing.TB, c SentinelConfig) *SentinelSet {
	t.Helper()
	replicas, sentinels, downAfter := max(1, c.Replicas), max(1, c.Sentinels), cmp.Or(c.DownAfter, 500*time.Millisecond)
	var server Config
	if c.Persistent {
		server.Args = []string{"--appendonly", "yes"}
	}
	set := &SentinelSet{Master: "mymaster", First: StartWith(t, server)}
	host, port, err := net.SplitHostPort(set.First.Addr)
	if err != nil {
		t.Fatal(err)
	}
	set.Servers = []*Server{set.First}
	for range replicas {
		replica := StartWith(t, server)
		replica.Do("replicaof", host, port)
		set.Servers = append(set.Servers, replica)
	}
	set.Second = set.Servers[1]
	for range sentinels {
		set.Sentinels = append(set.Sentinels, startSentinel(t, set.Master, host, port, sentinels/2+1, downAfter))
	}
	set.Sentinel = set.Sentinels[0]

	// A sentinel learns of replicas from what the master says, every ten seconds unless it is asked to look now, and of
	// other sentinels from what they say there, every two.
	for _, sentinel := range set.Sentinels {
		until(t, "a sentinel sees the others", func() bool {
			known := fmt.Sprint(sentinel.Do("sentinel", "replicas", set.Master))
			others, _ := sentinel.Do("sentinel", "sentinels", set.Master).([]any)
			return strings.Count(known, "master-link-status ok") == replicas && len(others) == sentinels-1
		})
	}
	return set
}

func startSentinel(t testing.TB, master, host, port string, quorum int, downAfter time.Duration) *Server {
	t.Helper()
	own := freePort(t)
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	conf := fmt.Sprintf("bind 127.0.0.1\nport %d\ndir %s\nsentinel monitor %s %s %s %d\n"+
		"sentinel down-after-milliseconds %[3]s %[7]d\nsentinel failover-timeout %[3]s 5000\n",
		own, filepath.Dir(file), master, host, port, quorum, downAfter.Milliseconds())
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, own)
	s.args = []string{file, "--sentinel"}
	s.begin()
	return s
}

// Current returns the server that the majority of the sentinels calls the master, and nil while there is none.
func (set *SentinelSet) Current() *Server {
	votes := map[string]int{}
	for _, sentinel := range set.Sentinels {
		addr, err := sentinel.Try("sentinel", "get-master-addr-by-name", set.Master)
		if pair, ok := addr.([]any); ok && err == nil && len(pair) == 2 {
			votes[fmt.Sprintf("%v:%v", pair[0], pair[1])]++
		}
	}
	for _, s := range set.Servers {
		if votes[s.Addr] > len(set.Sentinels)/2 {
			return s
		}
	}
	return nil
}

// Whole reports whether every replica follows the master that the sentinels name.
func (set *SentinelSet) Whole() bool {
	master := set.Current()
	if master == nil {
		return false
	}
	role, err := master.Try("role")
	if state, ok := role.([]any); !ok || err != nil || len(state) != 3 || state[0] != "master" {
		return false
	} else if following, ok := state[2].([]any); !ok || len(following) != len(set.Servers)-1 {
		return false
	}
	for _, s := range set.Servers {
		role, err := s.Try("role")
		state, ok := role.([]any)
		if !ok || err != nil || s != master && (len(state) < 4 || state[3] != "connected") {
			return false
		}
	}
	return true
}
