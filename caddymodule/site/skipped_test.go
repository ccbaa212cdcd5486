package site

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// skippedByReason reads the metric.
func skippedByReason(t *testing.T) map[string]float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	if err := registry.Register(skippedRefreshes); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			counts[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
		}
	}
	return counts
}

// What a browser says of skipped refreshes is counted by the words of the specification alone: a client cannot make the
// metric grow.
func TestSkippedRefreshesAreBounded(t *testing.T) {
	before := skippedByReason(t)
	countSkipped([]string{"unreachable", "server_error", "quota_exceeded", "quota_exceeded", "QUOTA_EXCEEDED", "", "a word of the client's own"})
	after := skippedByReason(t)
	want := map[string]float64{skippedUnreachable: 1, skippedServerError: 1, skippedQuota: 2, skippedOther: 3}
	for word, more := range want {
		if got := after[word] - before[word]; got != more {
			t.Errorf("%s: %v more, want %v", word, got, more)
		}
	}
	if len(after) != len(want) {
		t.Errorf("reasons %v", after)
	}
}
