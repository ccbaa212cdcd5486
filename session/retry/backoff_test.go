package retry

import (
	"math"
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	for _, row := range []struct {
		backoff  Backoff
		failures int
		want     time.Duration
	}{
		{Backoff{time.Second, 30 * time.Second}, 1, time.Second},
		{Backoff{time.Second, 30 * time.Second}, 2, 2 * time.Second},
		{Backoff{time.Second, 30 * time.Second}, 5, 16 * time.Second},
		{Backoff{time.Second, 30 * time.Second}, 6, 30 * time.Second},
		{Backoff{time.Second, 32 * time.Second}, 6, 32 * time.Second},
		{Backoff{time.Second, 32 * time.Second}, math.MaxInt, 32 * time.Second},
		{Backoff{time.Minute, time.Second}, 1, time.Second},
		{Backoff{1, math.MaxInt64}, 63, 1 << 62},
		{Backoff{1, math.MaxInt64}, 64, math.MaxInt64},
	} {
		if got := row.backoff.After(row.failures); got != row.want {
			t.Errorf("%+v after %d: %v, want %v", row.backoff, row.failures, got, row.want)
		}
	}
}
