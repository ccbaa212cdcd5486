package filestore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/filestore"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

const (
	million     = 1_000_000
	sessionSize = 1024 // bytes of a record
	measured    = 20_000
)

// BenchmarkMillion fills a file with a million sessions, each of a person of its own, and measures what that costs:
//
//	go test ./session/filestore -run '^$' -bench Million -benchtime 1x -timeout 30m
func BenchmarkMillion(b *testing.B) {
	for range b.N {
		file := filepath.Join(b.TempDir(), "sessions.db")
		clock := storetest.NewClock()
		end := clock.Now().Add(time.Hour)
		value := make([]byte, sessionSize)
		begin := func(s *filestore.Store, n int) {
			e := session.Entry{Key: session.HashKey("s", fmt.Sprint(n)), Value: value, Expires: end}
			l := session.Listing{Index: session.HashKey("u", fmt.Sprint(n)), Member: e.Key, Until: end}
			if err := s.Create(ctx, e, l); err != nil {
				b.Error(err)
			}
		}
		config := filestore.Config{Path: file, Now: clock.Now, SweepEvery: time.Hour}
		s := mustOpen(b, config)
		began := time.Now()
		each(256, million, func(n int) { begin(s, n) })
		b.ReportMetric(time.Since(began).Seconds(), "s-filling")
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		info, err := os.Stat(file)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/1e6, "MB-file")

		config.SweepEvery = time.Second
		began = time.Now()
		s = mustOpen(b, config)
		b.ReportMetric(float64(time.Since(began).Microseconds())/1e3, "ms-open")
		took := make([]time.Duration, measured)
		each(32, measured, func(n int) {
			at := time.Now()
			begin(s, million+n)
			took[n] = time.Since(at)
		})
		report(b, took, "write")
		each(32, measured, func(n int) {
			at := time.Now()
			if _, err := s.Get(ctx, session.HashKey("s", fmt.Sprint(n*37%million))); err != nil {
				b.Error(err)
			}
			took[n] = time.Since(at)
		})
		report(b, took, "read")
		runtime.GC()
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		b.ReportMetric(float64(mem.HeapAlloc)/1e6, "MB-heap")

		// All end at once, the worst there can be; people go on signing in while they are swept.
		clock.Advance(2 * time.Hour)
		end = clock.Now().Add(time.Hour)
		each(32, measured, func(n int) {
			at := time.Now()
			begin(s, 2*million+n)
			took[n] = time.Since(at)
		})
		report(b, took, "write-while-sweeping")
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func mustOpen(b *testing.B, c filestore.Config) *filestore.Store {
	b.Helper()
	s, err := filestore.Open(c)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// each calls do with every number below n, by so many at a time.
func each(workers, n int, do func(int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
}

func report(b *testing.B, took []time.Duration, what string) {
	b.Helper()
	slices.Sort(took)
	for name, share := range map[string]float64{"p50": .5, "p99": .99} {
		b.ReportMetric(float64(took[int(share*float64(len(took)-1))].Microseconds())/1e3, "ms-"+what+"-"+name)
	}
}
