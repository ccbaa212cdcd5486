package redisstore_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

func feedContract(t *testing.T, cfg redisstore.Config, cut func(t *testing.T)) {
	storetest.RunFeed(t, func(t *testing.T) storetest.FeedSubject {
		cfg, other := cfg, cfg
		cfg.KeyPrefix = "t" + rand.Text() + ":"
		other.KeyPrefix = "t" + rand.Text() + ":"
		return storetest.FeedSubject{Feed: open(t, cfg), Twin: open(t, cfg), Other: open(t, other), Cut: cut}
	})
}

func TestFeedContract(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	feedContract(t, redisstore.Config{URL: server.URL(0)}, func(*testing.T) { server.Do("client", "kill", "type", "pubsub") })
}

func TestFeedContractCluster(t *testing.T) {
	t.Parallel()
	nodes := redistest.StartCluster(t, 3)
	addrs := make([]string, len(nodes))
	for i, n := range nodes {
		addrs[i] = n.Addr
	}
	feedContract(t, redisstore.Config{Cluster: addrs}, func(*testing.T) {
		for _, n := range nodes {
			n.Do("client", "kill", "type", "pubsub")
		}
	})
}

// Subscribers receive messages through Sentinel, before and after a change of the master, with a gap between.
func TestFeedSentinelFailover(t *testing.T) {
	t.Parallel()
	set := redistest.StartSentinel(t)
	cfg := redisstore.Config{Master: set.Master, Sentinels: []string{set.Sentinel.Addr}}
	feedContract(t, cfg, func(t *testing.T) { set.First.Do("client", "kill", "type", "pubsub") })
	s, heard := open(t, cfg), make(chan string, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Subscribe(ctx, func(m string) { heard <- m }, func() { heard <- "gap" }) }()
	next := func(want string) {
		t.Helper()
		select {
		case got := <-heard:
			if got != want {
				t.Fatalf("heard %q, want %q", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("%q is not heard", want)
		}
	}
	next("gap")
	set.First.Stop()
	next("gap")
	within(t, func() bool { return s.Publish(t.Context(), "after") == nil })
	next("after")
	cancel()
	<-done
}
