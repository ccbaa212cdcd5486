package rig

import (
	"context"
	"sync"
	"time"
)

// Paced calls do so many times a second, evenly, whether or not earlier calls have returned, until enough says so before a
// call. It waits for all calls. The first error of one ends it.
func Paced(ctx context.Context, pace float64, enough func(i int) bool, do func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	began := time.Now()
	next := time.NewTimer(0)
	defer next.Stop()
	for i := 0; ctx.Err() == nil && !enough(i); i++ {
		next.Reset(time.Until(began.Add(time.Duration(float64(i) / pace * float64(time.Second)))))
		select {
		case <-next.C:
		case <-ctx.Done():
			continue
		}
		wait.Go(func() {
			if err := do(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	wait.Wait()
	return context.Cause(ctx)
}

// For is what is enough for Paced after so long, and at least one call.
func For(lasting time.Duration) func(i int) bool {
	end := time.Now().Add(lasting)
	return func(i int) bool { return i > 0 && !time.Now().Before(end) }
}
