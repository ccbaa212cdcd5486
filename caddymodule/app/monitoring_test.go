package app

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/latchkey-gateway/latchkey/monitoring"
)

var described = regexp.MustCompile(`^Desc\{fqName: "caddy_latchkey_(\w+)", .*variableLabels: \{([^}]*)\}\}$`)

// The list of metrics that the dashboard and the alerts are held against is what is registered, with its labels.
func TestMonitoringKnowsTheMetrics(t *testing.T) {
	want := map[string][]string{}
	for _, m := range monitoring.Metrics() {
		want[m.Name] = m.Labels
	}
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		for _, c := range collectors() {
			c.Describe(descs)
		}
	}()
	for desc := range descs {
		found := described.FindStringSubmatch(desc.String())
		if found == nil {
			t.Fatalf("not understood: %s", desc)
		}
		labels, ok := want[found[1]]
		if got := strings.FieldsFunc(found[2], func(r rune) bool { return r == ',' }); !ok || !slices.Equal(got, labels) {
			t.Errorf("%s has the labels %v; monitoring.Metrics: %v, %v", found[1], got, labels, ok)
		}
		delete(want, found[1])
	}
	for name := range want {
		t.Errorf("monitoring.Metrics has %s, which does not exist", name)
	}
}

// A metric of each kind is what it is said to be.
func TestMonitoringKnowsTheKinds(t *testing.T) {
	for _, m := range monitoring.Metrics() {
		kind := "gauge"
		switch {
		case strings.HasSuffix(m.Name, "_total"):
			kind = "counter"
		case strings.HasSuffix(m.Name, "_duration_seconds"):
			kind = "histogram"
		}
		if m.Kind != kind {
			t.Errorf("%s is a %s by its name, and a %s in the list", m.Name, kind, m.Kind)
		}
	}
}
