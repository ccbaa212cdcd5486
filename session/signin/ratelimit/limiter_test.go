package ratelimit

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"
)

var (
	start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	here  = netip.MustParseAddr("203.0.113.9")
)

// A21: a client has so many tries and then as many in each period, and is told when the next may come.
func TestAllow(t *testing.T) {
	l := New(Rate{N: 3, Per: time.Minute})
	for i := range 3 {
		if _, ok := l.Allow(here, "callback", start); !ok {
			t.Fatalf("try %d is refused", i+1)
		}
	}
	for range 5 { // what is refused is not counted
		if wait, ok := l.Allow(here, "callback", start); ok || wait != 20*time.Second {
			t.Fatalf("the fourth: %v, wait %v", ok, wait)
		}
	}
	if wait, ok := l.Allow(here, "callback", start.Add(19*time.Second)); ok || wait.Round(time.Millisecond) != time.Second {
		t.Errorf("after 19 s: %v, wait %v", ok, wait)
	}
	if _, ok := l.Allow(here, "callback", start.Add(20*time.Second)); !ok {
		t.Error("refused after 20 s")
	}
	for i := range 3 {
		if _, ok := l.Allow(here, "callback", start.Add(time.Hour)); !ok {
			t.Errorf("after an hour try %d is refused", i+1)
		}
	}
	if _, ok := l.Allow(here, "callback", start.Add(time.Hour)); ok {
		t.Error("tries are saved up over an hour")
	}
}

func TestWhoIsOneClient(t *testing.T) {
	for name, test := range map[string]struct {
		a, b   netip.Addr
		pa, pb string
		same   bool
	}{
		"one address":             {a: here, b: here, same: true},
		"mapped into IPv6":        {a: here, b: netip.MustParseAddr("::ffff:203.0.113.9"), same: true},
		"another address":         {a: here, b: netip.MustParseAddr("203.0.113.10")},
		"another purpose":         {a: here, b: here, pb: "stay"},
		"one /64":                 {a: netip.MustParseAddr("2001:db8:1:2::1"), b: netip.MustParseAddr("2001:db8:1:2:ffff::9"), same: true},
		"another /64":             {a: netip.MustParseAddr("2001:db8:1:2::1"), b: netip.MustParseAddr("2001:db8:1:3::1")},
		"link-local, by its zone": {a: netip.MustParseAddr("fe80::1%eth0"), b: netip.MustParseAddr("fe80::1%eth1"), same: true},
		"both unknown":            {same: true},
		"unknown and none":        {b: netip.IPv6Unspecified()},
	} {
		l := New(Rate{N: 1, Per: time.Hour})
		l.Allow(test.a, test.pa, start)
		if _, ok := l.Allow(test.b, test.pb, start); ok == test.same {
			t.Errorf("%s: allowed %v", name, ok)
		}
	}
}

func TestNoLimit(t *testing.T) {
	for _, r := range []Rate{{}, {N: 5}, {Per: time.Second}, {N: -1, Per: time.Second}} {
		l := New(r)
		for range 100 {
			if _, ok := l.Allow(here, "", start); !ok {
				t.Fatalf("%+v limits", r)
			}
		}
	}
}

// A21, A25: a flood from many addresses takes no more memory than the table has, and does not free who is held off.
func TestFloodOfAddresses(t *testing.T) {
	l := New(Rate{N: 2, Per: time.Hour})
	for range 3 {
		l.Allow(here, "callback", start)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range uint32(150_000) {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], 0x0a000000+i)
		l.Allow(netip.AddrFrom4(a), "callback", start)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("the table has grown by %d KiB", grown>>10)
	}
	if _, ok := l.Allow(here, "callback", start); ok {
		t.Error("the flood has freed who was held off")
	}
	runtime.KeepAlive(l)
}

func TestConcurrentUse(t *testing.T) {
	l := New(Rate{N: 50, Per: time.Hour})
	var all sync.WaitGroup
	var mu sync.Mutex
	allowed := 0
	for range 8 {
		all.Go(func() {
			for range 50 {
				if _, ok := l.Allow(here, "callback", start); ok {
					mu.Lock()
					allowed++
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	if allowed != 50 {
		t.Errorf("%d are allowed, want 50", allowed)
	}
}
