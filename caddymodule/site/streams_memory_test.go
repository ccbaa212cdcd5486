package site

import (
	"context"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

// What the gateway keeps for a stream that is open: one piece of memory, a context and a place in a list, beside what the
// request itself keeps. No goroutine, no timer, and nothing of what decided on the request.
func TestMemoryOfStreams(t *testing.T) {
	const streams, most = 2000, 400
	s := newVisitor(t, &config.App{}, &config.Site{App: "wiki"})
	s.h.unlogged = true
	s.serve(t, s.request()) // what is kept of a session, once
	opened := func(open func(r *http.Request, stay caddyhttp.Handler) error) (bytes float64, goroutines int) {
		before, routines := heapInUse(), runtime.NumGoroutine()
		var all, begun sync.WaitGroup
		end := make(chan struct{})
		for range streams {
			begun.Add(1)
			all.Go(func() {
				r := s.request()
				ctx, cancel := context.WithCancel(r.Context()) // as net/http does
				defer cancel()
				r = r.WithContext(ctx)
				r.Header["Accept"] = []string{"text/event-stream"}
				err := open(r, caddyhttp.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error {
					ctx, cancel := context.WithCancel(r.Context()) // as a proxy does
					defer cancel()
					begun.Done()
					select {
					case <-end:
					case <-ctx.Done():
					}
					runtime.KeepAlive(r) // as a proxy does
					return nil
				}))
				if err != nil {
					t.Error(err)
				}
			})
		}
		begun.Wait()
		bytes, goroutines = float64(heapInUse()-before)/streams, runtime.NumGoroutine()-routines
		close(end)
		all.Wait()
		return bytes, goroutines
	}
	plain, routines := opened(func(r *http.Request, stay caddyhttp.Handler) error { return stay.ServeHTTP(s.w, r) })
	ours, more := opened(func(r *http.Request, stay caddyhttp.Handler) error { return s.h.ServeHTTP(s.w, r, stay) })
	t.Logf("%.0f bytes a stream beside %.0f", ours-plain, plain)
	if ours-plain > most || more > routines+10 {
		t.Errorf("%.0f bytes, at most %d; %d goroutines beside %d", ours-plain, most, more, routines)
	}
	if size := unsafe.Sizeof(stream{}); size > 224 {
		t.Errorf("a stream has %d bytes", size)
	}
}

func heapInUse() int64 {
	var m runtime.MemStats
	for range 3 { // pools give up what they have after two
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // bytes of memory
}
