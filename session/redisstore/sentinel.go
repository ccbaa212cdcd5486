package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
	"syscall"
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

// errDemoted: the answer came from a server that is not the master any more.
var errDemoted = errors.New("answered by a server that is no longer the master")

// masters keeps a store off a server that was the master before a failover. Such a one may come back, after a pause or
// on the other side of a network that was split, and believes for some seconds that it still is the master: it would
// call sessions alive that have ended and others gone that have just begun. The majority of the sentinels knows better,
// and they alone can have another master elected.
//
// The zero value and nil are for servers without sentinels: everybody there is who they say.
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
	doubted  time.Time // when the sentinels were last asked whether the master stays
	doubt    error

	mu     sync.Mutex
	master string
	copies int64     // replicas of it that a sentinel calls healthy
	fewer  time.Time // since when there are fewer than that; zero if there are not
	former map[string]bool
	count  uint64 // of changes
	lines  map[*line]struct{}
}

func newMasters(opt *redis.UniversalOptions) *masters {
	ctx, cancel := context.WithCancel(context.Background())
	m := &masters{
		name: opt.MasterName, addrs: opt.Addrs, cancel: cancel, done: make(chan struct{}),
		former: map[string]bool{}, lines: map[*line]struct{}{},
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

// ask learns who the master is, if what is known is older than that. What has no majority is no answer.
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
			return // who is slow need not be waited for
		}
	}
	m.asked = time.Now()
}

// is takes up who the master is, and cuts every line to those who were.
func (m *masters) is(addr string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.master == addr {
		return
	}
	if m.master != "" {
		m.former[m.master] = true
		m.count++
	}
	delete(m.former, addr)
	m.master = addr
	for l := range m.lines {
		if m.former[l.addr] {
			_ = l.Conn.Close()
			delete(m.lines, l)
		}
	}
}

// seen is what still compares with: how often the master has changed.
func (m *masters) seen() uint64 {
	if m == nil {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.count
}

// still returns errDemoted if the master has changed since.
func (m *masters) still(ctx context.Context, seen uint64) error {
	if m == nil {
		return nil
	}
	m.ask(ctx, mastersFresh)
	if m.seen() != seen {
		return errDemoted
	}
	return nil
}

// dial connects to a server or a sentinel, but to no former master. Before the first connection to another master than
// the known one the sentinels are asked, so that what comes over it is not taken for what came before the change.
func (m *masters) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if m.news(addr) {
		m.ask(ctx, 0)
	}
	if m.was(addr) {
		return nil, errDemoted
	}
	conn, err := m.dialer(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	l := &line{Conn: conn, addr: addr, of: m}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.former[addr] {
		return nil, errors.Join(errDemoted, conn.Close())
	}
	m.lines[l] = struct{}{}
	if raw, ok := conn.(syscall.Conn); ok {
		return rawLine{l, raw}, nil
	}
	return l, nil
}

func (m *masters) was(addr string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.former[addr]
}

// news reports whether addr is neither the master that is known nor a sentinel.
func (m *masters) news(addr string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return addr != m.master && !slices.Contains(m.addrs, addr)
}

// line is a connection that is cut when its server stops being the master.
type line struct {
	net.Conn
	addr string
	of   *masters
}

// Close gives the line up.
func (l *line) Close() error {
	l.of.mu.Lock()
	delete(l.of.lines, l)
	l.of.mu.Unlock()
	return l.Conn.Close()
}

// rawLine is a line without TLS, of which the client can see while it is idle whether the other end has closed it.
type rawLine struct {
	*line
	raw syscall.Conn
}

// SyscallConn implements syscall.Conn.
func (l rawLine) SyscallConn() (syscall.RawConn, error) { return l.raw.SyscallConn() }
