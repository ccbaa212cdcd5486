package redisstore

import (
	"errors"
	"net"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/latchkey-gateway/latchkey/session"
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
	seen := m.seen()
	if err := m.still(t.Context(), seen); err != nil {
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
	if _, err := m.dial(t.Context(), "tcp", before); !errors.Is(err, errDemoted) {
		t.Errorf("a former master is dialled: %v", err)
	}
	s := &Store{masters: m}
	if err := s.absent(t.Context(), seen); !errors.Is(err, session.ErrUnavailable) || errors.Is(err, session.ErrNotFound) {
		t.Errorf("a former master says what is gone: %v", err)
	}
	if err := s.absent(t.Context(), m.seen()); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("the master does not: %v", err)
	}
	m.is(before)
	line, err = m.dial(t.Context(), "tcp", before)
	if err != nil {
		t.Fatalf("a master that was elected again: %v", err)
	}
	_ = line.Close()
}
