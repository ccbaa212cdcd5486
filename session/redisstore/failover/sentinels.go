package failover

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// mastersEvery is how often the sentinels are asked who the master is.
	mastersEvery = time.Second
	// mastersFresh is how old their answer may be where it decides about an answer of the master's.
	mastersFresh   = 250 * time.Millisecond
	mastersTimeout = 500 * time.Millisecond
)

// ErrDemoted: the answer came from a server that is no longer the master.
var ErrDemoted = errors.New("answered by a server that is no longer the master")

// masters knows from the sentinels which server is the master and which ones were. A former master may come back, after a
// pause or on the other side of a network that was split, and believes for some seconds that it still is the master. The
// majority of the sentinels knows better, and only they can have another master elected.
//
// The zero value and nil are for servers without sentinels: every server is what it says.
type masters struct {
	name      string
	addrs     []string
	sentinels []*redis.SentinelClient
	dialer    func(ctx context.Context, network, addr string) (net.Conn, error)
	cancel    context.CancelFunc
	done      chan struct{}

	asking sync.Mutex
	asked  time.Time

	doubting sync.Mutex
	doubted  time.Time // when the sentinels were last asked whether they replace the master
	doubt    error

	mu     sync.Mutex
	master string
	copies int64     // replicas of it that a sentinel calls healthy
	fewer  time.Time // since when there are fewer than that; zero if there are not
	former map[string]bool
	term   uint64 // how often the master has changed
	open   map[*connection]struct{}
}

func newMasters(opt *redis.UniversalOptions) *masters {
	ctx, cancel := context.WithCancel(context.Background())
	m := &masters{
		name: opt.MasterName, addrs: opt.Addrs, cancel: cancel, done: make(chan struct{}),
		former: map[string]bool{}, open: map[*connection]struct{}{},
	}
	plain := &net.Dialer{Timeout: opt.DialTimeout, KeepAlive: 5 * time.Minute}
	m.dialer = plain.DialContext
	if opt.TLSConfig != nil {
		m.dialer = (&tls.Dialer{NetDialer: plain, Config: opt.TLSConfig}).DialContext
	}
	for _, addr := range opt.Addrs {
		m.sentinels = append(m.sentinels, redis.NewSentinelClient(&redis.Options{
			Addr: addr, Username: opt.SentinelUsername, Password: opt.SentinelPassword, TLSConfig: opt.TLSConfig,
			DialTimeout: mastersTimeout, ReadTimeout: mastersTimeout, WriteTimeout: mastersTimeout, DialerRetries: 1,
			MaxRetries: -1, PoolSize: 2, ContextTimeoutEnabled: true, Protocol: 2, DisableIdentity: true,
			MaintNotificationsConfig: opt.MaintNotificationsConfig,
		}))
	}
	go m.watch(ctx)
	return m
}

func (m *masters) watch(ctx context.Context) {
	defer close(m.done)
	tick := time.NewTicker(mastersEvery)
	defer tick.Stop()
	for {
		m.ask(ctx, mastersFresh)
		m.listReplicas(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (m *masters) close() {
	if m == nil {
		return
	}
	m.cancel()
	<-m.done
	for _, s := range m.sentinels {
		_ = s.Close()
	}
}

// ask asks the sentinels which server is the master, if the last answer is older than old. An answer without a majority is
// no answer.
func (m *masters) ask(ctx context.Context, old time.Duration) {
	m.asking.Lock()
	defer m.asking.Unlock()
	if time.Since(m.asked) < old {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, mastersTimeout)
	defer cancel()
	said := make(chan string, len(m.sentinels))
	for _, s := range m.sentinels {
		go func() {
			addr, err := s.GetMasterAddrByName(ctx, m.name).Result()
			if err != nil || len(addr) != 2 {
				said <- ""
				return
			}
			said <- net.JoinHostPort(addr[0], addr[1])
		}()
	}
	votes := map[string]int{}
	for range m.sentinels {
		addr := <-said
		if votes[addr]++; addr != "" && votes[addr] > len(m.sentinels)/2 {
			m.asked = time.Now()
			m.is(addr)
			return // the slow ones need not be waited for
		}
	}
	m.asked = time.Now()
}

// is notes which server is the master, and closes every connection to those that were.
func (m *masters) is(addr string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.master == addr {
		return
	}
	if m.master != "" {
		m.former[m.master] = true
		m.term++
	}
	delete(m.former, addr)
	m.master = addr
	for c := range m.open {
		if m.former[c.addr] {
			_ = c.Conn.Close()
			delete(m.open, c)
		}
	}
}

// current is the number of changes of the master so far.
func (m *masters) current() uint64 {
	if m == nil {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.term
}

// still returns ErrDemoted if the master has changed since the term.
func (m *masters) still(ctx context.Context, term uint64) error {
	if m == nil {
		return nil
	}
	m.ask(ctx, mastersFresh)
	if m.current() != term {
		return ErrDemoted
	}
	return nil
}
