package redisstore_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
)

// What a look-up costs, in CPU of this process and of Redis together: with Get, which brings the whole record on a way of its
// own, and with Stamp.
func BenchmarkLookups(b *testing.B) {
	server := redistest.Start(b)
	s, err := redisstore.Open(redisstore.Config{URL: server.URL(0)})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // a test's own
	keys := make([]session.Key, 1000)
	for i := range keys {
		e := entry(session.HashKey("s", strconv.Itoa(i)))
		e.Value = []byte(strings.Repeat("0123456789abcdef", 96))
		keys[i] = e.Key
		if err := s.Create(b.Context(), e); err != nil {
			b.Fatal(err)
		}
	}
	for _, callers := range []int{1, 2, 32} {
		for name, call := range map[string]func(session.Key) error{
			"get":   func(k session.Key) error { _, err := s.Get(context.Background(), k); return err },
			"stamp": func(k session.Key) error { _, err := s.Stamp(context.Background(), k); return err },
		} {
			b.Run(fmt.Sprintf("%s/%d", name, callers), func(b *testing.B) {
				b.ReportAllocs()
				own, redis := ownCPU(), serverCPU(b, server)
				var all sync.WaitGroup
				for c := range callers {
					all.Go(func() {
						for i := c; i < b.N; i += callers {
							if err := call(keys[i%len(keys)]); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				b.ReportMetric(float64((ownCPU()-own).Nanoseconds())/float64(b.N), "own-ns/op")
				b.ReportMetric(float64((serverCPU(b, server)-redis).Nanoseconds())/float64(b.N), "redis-ns/op")
			})
		}
	}
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// serverCPU is what the server itself says.
func serverCPU(b *testing.B, server *redistest.Server) time.Duration {
	b.Helper()
	var used time.Duration
	for line := range strings.SplitSeq(server.Do("info", "cpu").(string), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if name == "used_cpu_sys" || name == "used_cpu_user" {
			seconds, err := strconv.ParseFloat(value, 64)
			if err != nil {
				b.Fatal(err)
			}
			used += time.Duration(seconds * float64(time.Second))
		}
	}
	return used
}
