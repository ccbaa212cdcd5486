package redisstore_test

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
)

// clusterLoad makes, reads, changes and removes sessions until stop is closed. What was acknowledged must stay true:
// what was made is there, what was removed is not. A failure is allowed and counted; a wrong answer is not.
type clusterLoad struct {
	made, removed sync.Map
	writes        atomic.Int64
	failures      atomic.Int64
}

func (l *clusterLoad) run(t *testing.T, s *redisstore.Store, worker int, stop <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		key := session.Key(fmt.Sprintf("s:%d-%d", worker, n))
		e := entry(key)
		if err := s.Create(t.Context(), e); err != nil {
			l.failed(t, "create", err)
			continue
		}
		l.made.Store(key, true)
		l.writes.Add(1)
		if _, err := s.Get(t.Context(), key); err != nil {
			l.failed(t, "get", err)
		}
		if st, err := s.Stamp(t.Context(), key); err != nil || st.Version != 1 {
			l.failed(t, "stamp", err)
		}
		e.Version = 1
		if _, err := s.Replace(t.Context(), e); err != nil {
			l.failed(t, "replace", err)
		}
		if err := s.Enlist(t.Context(), session.Key(fmt.Sprintf("u:%d", worker)), key, e.Expires); err != nil {
			l.failed(t, "enlist", err)
		}
		if n%2 == 0 {
			if _, err := s.Remove(t.Context(), key); err != nil {
				l.made.Delete(key) // whether it was made is open
				l.failed(t, "remove", err)
				continue
			}
			l.made.Delete(key)
			l.removed.Store(key, true)
			if _, err := s.Stamp(t.Context(), key); !errors.Is(err, session.ErrNotFound) {
				l.failed(t, "stamp of what was removed", err)
			}
		}
	}
}

func (l *clusterLoad) failed(t *testing.T, what string, err error) {
	if !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("%s: %v", what, err)
	}
	l.failures.Add(1)
}

// check holds what was acknowledged against what the store says.
func (l *clusterLoad) check(t *testing.T, s *redisstore.Store) {
	t.Helper()
	see := func(key session.Key) (err error) {
		within(t, func() bool { _, err = s.Get(t.Context(), key); return !errors.Is(err, session.ErrUnavailable) })
		return err
	}
	l.made.Range(func(key, _ any) bool {
		if err := see(key.(session.Key)); err != nil {
			t.Errorf("%s is gone: %v", key, err)
		}
		return !t.Failed()
	})
	l.removed.Range(func(key, _ any) bool {
		if err := see(key.(session.Key)); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("%s lives again: %v", key, err)
		}
		return !t.Failed()
	})
}

// A cluster whose slots move, and of which a master dies, under load: nothing that was acknowledged is lost or comes
// back, resharding fails no call, and the feed goes on.
func TestClusterUnderLoad(t *testing.T) {
	c := redistest.StartReplicated(t, 3)
	s := open(t, redisstore.Config{Cluster: []string{c.Masters[0].Addr, c.Masters[1].Addr}})
	var l clusterLoad
	stop := make(chan struct{})
	var wg sync.WaitGroup
	end := sync.OnceFunc(func() { close(stop); wg.Wait() })
	defer end()
	for i := range 4 {
		wg.Go(func() { l.run(t, s, i, stop) })
	}
	c.Reshard(c.Masters[0], c.Masters[1], 200)
	c.Reshard(c.Masters[1], c.Masters[2], 200)
	if n := l.failures.Load(); n > 0 {
		t.Errorf("%d calls failed while slots moved", n)
	}
	// A machine whose disk is slow holds the nodes up while slots move, for each move is synced. What no replica has by then is
	// the master's alone, and goes with it; so it dies once its replica has caught up.
	within(t, func() bool { return l.writes.Load() >= 20 })
	written, _ := replication(t, c.Masters[2])
	within(t, func() bool { _, has := replication(t, c.Masters[2]); return has >= written })
	before := l.writes.Load()
	c.Masters[2].Stop()
	within(t, func() bool {
		role, err := c.Replicas[2].Try("role")
		state, ok := role.([]any)
		return err == nil && ok && state[0] == "master"
	})
	failed := l.failures.Load()
	within(t, func() bool { // it has been taken in, and all slots are served
		e := entry("s:after")
		return s.Create(t.Context(), e) == nil || func() bool { _, err := s.Get(t.Context(), e.Key); return err == nil }()
	})
	for i := range 3 {
		key := session.Key(fmt.Sprintf("s:later%d", i))
		within(t, func() bool { return !errors.Is(s.Create(t.Context(), entry(key)), session.ErrUnavailable) })
	}
	end()
	l.check(t, s)
	t.Logf("%d sessions made, %d of them until the master died; %d calls failed until there was another, %d in all",
		l.writes.Load(), before, failed, l.failures.Load())
}

// replication is how far a master has written, and how far its one replica has, -1 without one.
func replication(t *testing.T, master *redistest.Server) (written, has int64) {
	t.Helper()
	role, ok := master.Do("role").([]any)
	if !ok || len(role) != 3 || role[0] != "master" {
		t.Fatalf("not a master: %v", role)
	}
	written, _ = role[1].(int64)
	replicas, _ := role[2].([]any)
	if len(replicas) != 1 {
		return written, -1
	}
	has, err := strconv.ParseInt(fmt.Sprint(replicas[0].([]any)[2]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return written, has
}
