package failover

import (
	"context"
	"errors"
	"net"
	"slices"
	"syscall"
)

// dial connects to a server or a sentinel, but never to a former master. Before it connects to a server that is not the
// known master it asks the sentinels, so that an answer of a new master is not counted in the previous term.
func (m *masters) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if m.unknown(addr) {
		m.ask(ctx, 0)
	}
	if m.was(addr) {
		return nil, ErrDemoted
	}
	conn, err := m.dialer(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: conn, addr: addr, of: m}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.former[addr] {
		return nil, errors.Join(ErrDemoted, conn.Close())
	}
	m.open[c] = struct{}{}
	if raw, ok := conn.(syscall.Conn); ok {
		return plainConnection{c, raw}, nil
	}
	return c, nil
}

// was reports whether addr is a former master.
func (m *masters) was(addr string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.former[addr]
}

// unknown reports whether addr is neither the known master nor a sentinel.
func (m *masters) unknown(addr string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return addr != m.master && !slices.Contains(m.addrs, addr)
}

// connection is closed when its server stops being the master.
type connection struct {
	net.Conn
	addr string
	of   *masters
}

// Close closes it.
func (c *connection) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// plainConnection is a connection without TLS. While it is idle the client can see whether the other end has closed it.
type plainConnection struct {
	*connection
	raw syscall.Conn
}

// SyscallConn implements syscall.Conn.
func (c plainConnection) SyscallConn() (syscall.RawConn, error) { return c.raw.SyscallConn() }
