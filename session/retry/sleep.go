package retry

import (
	"context"
	"time"
)

// Sleep waits for d and reports true. It reports false, at once, if ctx ends before.
func Sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
