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
	// mastersEvery is how often the sentinels are asked for the master.
	mastersEvery = time.Second
	// mastersFresh is the maximum age of the sentinels' answer when it decides whether the master's answer counts.
	mastersFresh   = 250 * time.Millisecond
	mastersTimeout = 500 * time.Millisecond
)

// ErrDemoted: the answer came from a server that is no longer the master.
var ErrDemoted = errors.New("answered by a server that is no longer the master")

// masters tracks, by asking the sentinels, which server is the master and which ones were. A former master may come
// back, after a pause or a network partition, and still act as the master for some seconds. The majority of the
// sentinels knows the current one, and only they can elect another master.
//
// The zero value and nil are for servers without sentinels: every server counts as the master.
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
	copies int64     // its replicas that a sentinel reports as healthy
	fewer  time.Time // since when there are fewer than that; zero if there are not
	former map[string]bool
	term   uint64 // number of changes of the master
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

// ask asks the sentinels for the master, if the last answer is older than old. Without a majority there is no answer.
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
			return // no need to wait for the slow ones
		}
	}
	m.asked = time.Now()
}

// is records the current master, and closes every connection to former ones.
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

// current returns the number of changes of the master so far.
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
