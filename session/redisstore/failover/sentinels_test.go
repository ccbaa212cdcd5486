package failover

import (
	"errors"
	"net"
	"testing"

	"github.com/redis/go-redis/v9"
)

// After a failover no connection to the old master is used, none is made, and what it answered just before counts for
// nothing: it may call gone what the new master has, and alive what has ended there.
func TestFormerMasterIsNotBelieved(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // a test's own
	before, after := l.Addr().String(), "127.0.0.1:1"
	m := newMasters(&redis.UniversalOptions{MasterName: "m"}) // no sentinel says anything by itself
	defer m.close()
	m.is(before)
	term := m.current()
	if err := m.still(t.Context(), term); err != nil {
		t.Fatalf("the master is doubted: %v", err)
	}
	line, err := m.dial(t.Context(), "tcp", before)
	if err != nil {
		t.Fatal(err)
	}
	m.is(after)
	if _, err := line.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a connection to a former master is still open: %v", err)
	}
	if _, err := m.dial(t.Context(), "tcp", before); !errors.Is(err, ErrDemoted) {
		t.Errorf("a former master is dialled: %v", err)
	}
	g := &Guard{masters: m}
	if err := g.StillMaster(t.Context(), term); !errors.Is(err, ErrDemoted) {
		t.Errorf("the answer of a former master counts: %v", err)
	}
	if err := g.StillMaster(t.Context(), g.Term()); err != nil {
		t.Errorf("the answer of the master does not: %v", err)
	}
	m.is(before)
	line, err = m.dial(t.Context(), "tcp", before)
	if err != nil {
		t.Fatalf("a master that was elected again: %v", err)
	}
	_ = line.Close()
}

// What not all replicas have confirmed counts only while no sentinel is replacing the master: the one that does says so
// before it promotes another, and the one with the newest configuration is right.
func TestWhoIsBeingReplacedIsNotBelieved(t *testing.T) {
	const old, promoted = "10.0.0.1:6379", "10.0.0.2:6379"
	for name, c := range map[string]struct {
		master string
		claims []claim
		want   error
	}{
		"nobody answers":                      {old, nil, nil},
		"all agree":                           {old, []claim{{addr: old, epoch: 3}, {addr: old, epoch: 3}}, nil},
		"one replaces it":                     {old, []claim{{addr: old, epoch: 3}, {addr: old, epoch: 3, replacing: true}}, ErrDemoted},
		"one has replaced it":                 {old, []claim{{addr: old, epoch: 3}, {addr: promoted, epoch: 4}}, ErrDemoted},
		"one has not heard":                   {promoted, []claim{{addr: old, epoch: 3}, {addr: promoted, epoch: 4}}, nil},
		"who replaced the former is busy":     {promoted, []claim{{addr: old, epoch: 3, replacing: true}, {addr: promoted, epoch: 4}}, nil},
		"promoted, others told, not yet done": {promoted, []claim{{addr: old, epoch: 4, replacing: true}, {addr: promoted, epoch: 4}}, nil},
		"nobody is known yet":                 {"", []claim{{addr: old, epoch: 3}}, nil},
	} {
		if err := checkClaims(c.master, c.claims); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
