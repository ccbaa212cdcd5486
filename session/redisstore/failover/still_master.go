package failover

import (
	"context"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// copiesGone is how long a replica must be missing before writes stop waiting for it. A sentinel that has just learned
// of a new master knows none of its replicas yet, but the former master may still have some.
const copiesGone = 10 * time.Second

// replicas returns how many replicas of the master are healthy: the largest number that a sentinel reports.
func (m *masters) replicas() int64 {
	if m == nil {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.copies
}

// listReplicas updates that number. If no sentinel answers, it does not change.
func (m *masters) listReplicas(ctx context.Context) {
	most := int64(-1)
	for _, n := range askAll(ctx, m, func(ctx context.Context, s *redis.SentinelClient) (int64, error) {
		list, err := s.Replicas(ctx, m.name).Result()
		healthy := int64(0)
		for _, replica := range list {
			if !strings.Contains(replica["flags"], "down") && !strings.Contains(replica["flags"], "disconnected") {
				healthy++
			}
		}
		return healthy, err
	}) {
		most = max(most, n)
	}
	if most < 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if most < m.copies && m.fewer.IsZero() {
		m.fewer = time.Now()
	}
	if most >= m.copies || time.Since(m.fewer) >= copiesGone {
		m.copies, m.fewer = most, time.Time{}
	}
}

// stays returns ErrDemoted if the master has changed since the term, or is about to. It is called if not all replicas
// have confirmed a write, because one of them may already be the master. A sentinel announces a promotion before it
// starts, and the sentinel with the newest configuration is right, even against the majority.
func (m *masters) stays(ctx context.Context, term uint64) error {
	if err := m.still(ctx, term); err != nil || m == nil {
		return err
	}
	now := time.Now()
	m.doubting.Lock()
	defer m.doubting.Unlock()
	if m.doubted.After(now) {
		return m.doubt // another call has just asked
	}
	m.doubted = time.Now()
	m.mu.Lock()
	master := m.master
	m.mu.Unlock()
	m.doubt = checkClaims(master, askAll(ctx, m, func(ctx context.Context, s *redis.SentinelClient) (claim, error) {
		said, err := s.Master(ctx, m.name).Result()
		epoch, _ := strconv.ParseUint(said["config-epoch"], 10, 64)
		return claim{
			addr: net.JoinHostPort(said["ip"], said["port"]), epoch: epoch,
			replacing: strings.Contains(said["flags"], "failover_in_progress"),
		}, err
	}))
	return m.doubt
}

// claim is one sentinel's statement about the master.
type claim struct {
	addr      string
	epoch     uint64 // of the failover that elected it
	replacing bool
}

// checkClaims returns ErrDemoted if a sentinel is replacing the master, or has replaced it. An empty master means that
// it is not known yet.
func checkClaims(master string, claims []claim) error {
	var newest claim
	for _, c := range claims {
		switch {
		case c.replacing && c.addr == master:
			return ErrDemoted
		case !c.replacing && (newest.addr == "" || c.epoch > newest.epoch):
			newest = c
		}
	}
	if master != "" && newest.addr != "" && newest.addr != master {
		return ErrDemoted
	}
	return nil
}

// askAll asks all sentinels at once and returns the answers that arrive in time.
func askAll[T any](ctx context.Context, m *masters, ask func(context.Context, *redis.SentinelClient) (T, error)) []T {
	ctx, cancel := context.WithTimeout(ctx, mastersTimeout)
	defer cancel()
	type answer struct {
		said T
		err  error
	}
	answers := make(chan answer, len(m.sentinels))
	for _, s := range m.sentinels {
		go func() {
			said, err := ask(ctx, s)
			answers <- answer{said, err}
		}()
	}
	var all []T
	for range m.sentinels {
		if a := <-answers; a.err == nil {
			all = append(all, a.said)
		}
	}
	return all
}
