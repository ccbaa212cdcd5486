package ratelimit

import (
	"net/netip"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// However requests begin and end, no address and not all together have more than their bound, and nothing is left over.
func TestFlights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f Flights
		under := map[netip.Addr][]func(){}
		all := 0
		for range rapid.IntRange(1, 2000).Draw(t, "steps") {
			client := netip.AddrFrom4([4]byte{192, 0, 2, byte(rapid.IntRange(0, 6).Draw(t, "client"))})
			if mine := under[client]; len(mine) > 0 && rapid.IntRange(0, 9).Draw(t, "ends") == 0 {
				mine[0]()
				mine[0]() // twice is once
				under[client], all = mine[1:], all-1
				continue
			}
			end, ok := f.Begin(client)
			if want := all < maxFlights && len(under[client]) < maxFlightsEach; ok != want {
				t.Fatalf("%v with %d under way of %d: %v", client, len(under[client]), all, ok)
			}
			if ok {
				under[client], all = append(under[client], end), all+1
			}
		}
		for _, mine := range under {
			for _, end := range mine {
				end()
			}
		}
		if f.all != 0 || len(f.by) != 0 {
			t.Fatalf("left over: %d, %v", f.all, f.by)
		}
	})
}

// The hosts of one IPv6 network count together.
func TestFlightsOfANetwork(t *testing.T) {
	var f Flights
	for i := range maxFlightsEach + 1 {
		client := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(i)})
		if _, ok := f.Begin(client); ok != (i < maxFlightsEach) {
			t.Errorf("request %d: %v", i, ok)
		}
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if end, ok := f.Begin(netip.MustParseAddr("2001:db8:1::1")); ok {
				end()
			} else {
				t.Error("another network is refused")
			}
		})
	}
	all.Wait()
}
