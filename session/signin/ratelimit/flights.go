package ratelimit

import (
	"net/netip"
	"sync"
)

const (
	// maxFlights is how many requests are under way at the same time for all addresses, maxFlightsEach for one of them: an
	// office of 20,000 users who sign in within a minute has seven under way if each takes 20 ms.
	maxFlights     = 256
	maxFlightsEach = 64
)

// Flights bounds the requests that are under way at the same time, in all and for each address, so that a flood of clients that
// have proven nothing does not become a flood at another server. The zero value is ready, and safe for concurrent use.
type Flights struct {
	mu  sync.Mutex
	all int
	by  map[netip.Addr]int
}

// Begin counts a request until end is called. If there are too many, ok is false and nothing is counted.
func (f *Flights) Begin(client netip.Addr) (end func(), ok bool) {
	client = network(client)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all >= maxFlights || f.by[client] >= maxFlightsEach {
		return nil, false
	}
	if f.by == nil {
		f.by = map[netip.Addr]int{}
	}
	f.all++
	f.by[client]++
	return sync.OnceFunc(func() { f.end(client) }), true
}

func (f *Flights) end(client netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all--
	if f.by[client]--; f.by[client] == 0 {
		delete(f.by, client)
	}
}
