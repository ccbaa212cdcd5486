package observe

import "github.com/prometheus/client_golang/prometheus"

// The collectors belong to the process, so that counts survive a reload.
var (
	storeDuration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "caddy", Subsystem: "latchkey", Name: "store_request_duration_seconds",
		Help:    "How long requests to the store took, by operation.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
	}, []string{"operation"})
	storeFailures = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "latchkey", Name: "store_request_failures_total",
		Help: "Requests to the store that got no answer, or an error, by operation. That there is no such entry is an answer.",
	}, []string{"operation"})

	providerDurations = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "caddy", Subsystem: "latchkey", Name: "provider_request_duration_seconds",
		Help:    "How long requests to a provider took until its answer began, by endpoint.",
		Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"provider", "endpoint"})
	providerFailed = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "latchkey", Name: "provider_request_failures_total",
		Help: "Requests to a provider that got no answer, or a status of 500 and above or 429, by endpoint.",
	}, []string{"provider", "endpoint"})

	// One of each operation: looked up once.
	storeDurations [operations]prometheus.Observer
	storeFailed    [operations]prometheus.Counter
)

func init() {
	for op, name := range operationNames {
		storeDurations[op], storeFailed[op] = storeDuration.WithLabelValues(name), storeFailures.WithLabelValues(name)
	}
}

// Collectors returns the metrics.
func Collectors() []prometheus.Collector {
	return []prometheus.Collector{storeDuration, storeFailures, providerDurations, providerFailed}
}
