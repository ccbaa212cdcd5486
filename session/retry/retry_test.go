package retry

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if !Sleep(t.Context(), time.Minute) || time.Since(began) != time.Minute {
			t.Error("it did not wait")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if Sleep(ctx, time.Minute) || time.Since(began) != time.Second {
			t.Error("the end of the context did not end the wait")
		}
	})
}

func TestSeldom(t *testing.T) {
	var s Seldom
	at := time.Unix(1_000_000, 0)
	for i, row := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {time.Second, false}, {59 * time.Second, false}, {time.Minute, true}, {61 * time.Second, false}, {-time.Hour, true}} {
		if got := s.Now(at.Add(row.after), time.Minute); got != row.want {
			t.Errorf("row %d: %v", i, got)
		}
	}
}
