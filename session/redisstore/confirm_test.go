package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
)

// What has been written is on the replica when the caller hears of it, so that no failover forgets it; a master that is
// alone is not held up for long, and goes on.
func TestWritesAreOnTheReplica(t *testing.T) {
	t.Parallel()
	set := redistest.StartSentinel(t)
	cfg := redisstore.Config{Master: set.Master, Sentinels: []string{set.Sentinel.Addr}, KeyPrefix: "p:"}
	s := open(t, cfg)
	writes := map[string]func(key session.Key) error{
		"create": func(key session.Key) error { return s.Create(t.Context(), entry(key)) },
		"replace": func(key session.Key) error {
			e := entry(key)
			e.Version = 1
			_, err := s.Replace(t.Context(), e)
			return err
		},
		"remove": func(key session.Key) error { _, err := s.Remove(t.Context(), key); return err },
		"enlist": func(key session.Key) error { return s.Enlist(t.Context(), "u:a", key, entry(key).Expires) },
		"delist": func(key session.Key) error { return s.Delist(t.Context(), "u:a", key) },
	}
	waits := func() (n int) {
		_, stat, _ := strings.Cut(set.First.Do("info", "commandstats").(string), "cmdstat_wait:calls=")
		_, _ = fmt.Sscan(strings.Split(stat+",", ",")[0], &n)
		return n
	}
	for i := range 40 {
		key := session.Key(fmt.Sprintf("s:%d", i))
		for _, name := range []string{"create", "replace", "enlist", "delist", "remove"} {
			before := waits()
			if err := writes[name](key); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if waits() == before {
				t.Fatalf("%s waits for no replica", name)
			}
			on := set.Second.Do("exists", "p:"+string(key)).(int64) == 1
			if want := name != "remove"; on != want {
				t.Fatalf("%s: the replica has it: %v, want %v", name, on, want)
			}
		}
	}
	set.Second.Pause()
	began := time.Now()
	for i := range 20 {
		if err := s.Create(t.Context(), entry(session.Key(fmt.Sprintf("s:alone%d", i)))); err != nil {
			t.Fatalf("alone: %v", err)
		}
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("twenty writes of a master that is alone took %v", took)
	}
	set.Second.Resume()
	within(t, func() bool {
		before := waits()
		return s.Enlist(t.Context(), "u:a", "s:back", time.Now().Add(time.Hour)) == nil && waits() > before
	})
}

// A master that dies before any replica has the write has not made it: the answer is an outage, not "done".
func TestMasterDiesBeforeItsReplicaHears(t *testing.T) {
	t.Parallel()
	set := redistest.StartSentinel(t)
	s := open(t, redisstore.Config{Master: set.Master, Sentinels: []string{set.Sentinel.Addr}})
	if err := s.Create(t.Context(), entry("s:a")); err != nil {
		t.Fatal(err)
	}
	set.Second.Pause()
	ended := make(chan error, 1)
	go func() {
		_, err := s.Remove(context.WithoutCancel(t.Context()), "s:a")
		ended <- err
	}()
	within(t, func() bool { return set.First.Do("exists", "latchkey:s:a").(int64) == 0 })
	set.First.Stop()
	if err := <-ended; err == nil || !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("ending a session: %v", err)
	}
	set.Second.Resume()
}

// A failover that is ordered promotes a replica while the old master lives, and the other replica still follows that: what
// those two agree on is forgotten. What was answered as done is there afterwards all the same.
func TestOrderedFailoverForgetsNothing(t *testing.T) {
	t.Parallel()
	set := redistest.StartSentinels(t, redistest.SentinelConfig{Replicas: 2, Sentinels: 3})
	var addrs []string
	for _, s := range set.Sentinels {
		addrs = append(addrs, s.Addr)
	}
	s := open(t, redisstore.Config{Master: set.Master, Sentinels: addrs})
	within(t, set.Whole)
	var stop atomic.Bool
	var wg sync.WaitGroup
	var made, removed sync.Map
	var ordered, count atomic.Int64
	// Not all writes that count are confirmed by the replicas: see step 8 of package failover. One that is not waits for at
	// least 50 ms. It may be lost if it was done before the failover began, when the sentinels had nothing to say against it.
	kept := func(write func() error) bool {
		began := time.Now()
		err := write()
		return err == nil && (time.Since(began) < 50*time.Millisecond || ordered.Load() != 0 && began.UnixNano() > ordered.Load())
	}
	for w := range 8 {
		wg.Go(func() {
			for n := 0; !stop.Load(); n++ {
				key := session.Key(fmt.Sprintf("s:%d-%d", w, n))
				if !kept(func() error { return s.Create(t.Context(), entry(key)) }) {
					continue
				}
				if n%2 == 0 {
					made.Store(key, true)
					count.Add(1)
				} else if kept(func() error { _, err := s.Remove(t.Context(), key); return err }) {
					removed.Store(key, true)
				}
			}
		})
	}
	within(t, func() bool { return count.Load() >= 100 })
	old := set.Current()
	within(t, func() bool {
		_, err := set.Sentinel.Try("sentinel", "failover", set.Master)
		return err == nil
	})
	ordered.Store(time.Now().UnixNano())
	within(t, func() bool { now := set.Current(); return now != nil && now != old })
	within(t, func() bool { return s.Enlist(t.Context(), "u:after", "s:after", time.Now().Add(time.Hour)) == nil })
	stop.Store(true)
	wg.Wait()
	made.Range(func(key, _ any) bool {
		if _, err := s.Get(t.Context(), key.(session.Key)); err != nil {
			t.Errorf("%s was made: %v", key, err)
		}
		return true
	})
	removed.Range(func(key, _ any) bool {
		if _, err := s.Get(t.Context(), key.(session.Key)); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("%s was removed: %v", key, err)
		}
		return true
	})
	t.Logf("%d entries made and kept", count.Load())
}

// A server that has just been started, or promoted, knows no script. Whatever is written first is written all the same,
// with everything that belongs to it.
func TestFirstWriteToAServer(t *testing.T) {
	t.Parallel()
	alone, set := redistest.Start(t), redistest.StartSentinel(t)
	for name, tt := range map[string]struct {
		cfg    redisstore.Config
		server *redistest.Server
	}{
		"alone":     {redisstore.Config{URL: alone.URL(0)}, alone},
		"sentinels": {redisstore.Config{Master: set.Master, Sentinels: []string{set.Sentinel.Addr}}, set.First},
	} {
		s := open(t, tt.cfg)
		e := entry("s:first")
		e.Version = 1
		for _, write := range []struct {
			what string
			do   func() error
		}{
			{"create", func() error {
				return s.Create(t.Context(), e, session.Listing{Index: "u:a", Member: e.Key, Until: e.Expires}, session.Listing{Index: "u:b", Member: e.Key, Until: e.Expires})
			}},
			{"replace", func() error { _, err := s.Replace(t.Context(), e); return err }},
			{"enlist", func() error { return s.Enlist(t.Context(), "u:c", e.Key, e.Expires) }},
			{"remove", func() error { _, err := s.Remove(t.Context(), e.Key); return err }},
		} {
			tt.server.Do("script", "flush")
			if err := write.do(); err != nil {
				t.Errorf("%s: %s: %v", name, write.what, err)
			}
		}
		for _, index := range []session.Key{"u:a", "u:b", "u:c"} {
			if members, err := s.Members(t.Context(), index, time.Time{}, 9); err != nil || len(members) != 1 {
				t.Errorf("%s: %s lists %v, %v", name, index, members, err)
			}
		}
	}
}
