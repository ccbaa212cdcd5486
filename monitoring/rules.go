package monitoring

import "slices"

// recording is a query whose result Prometheus keeps under a name.
type recording struct{ name, expr string }

// unanswered are the decisions that are answered with 503.
const unanswered = `decision=~"store_unavailable|provider_unavailable|token_unverifiable|no_access_token"`

// recordings are the recording rules. Names follow level:metric:operations; all keep the labels of the gateway.
func recordings() []recording {
	return []recording{
		{"latchkey:requests:rate5m", `sum by (job, instance) (rate(caddy_latchkey_requests_total[5m]))`},
		{
			"latchkey:requests_unanswered:ratio_rate5m",
			`sum by (job, instance) (rate(caddy_latchkey_requests_total{` + unanswered + `}[5m])) / (latchkey:requests:rate5m > 0)`,
		},
		{
			"latchkey:requests_refused:rate15m",
			`sum by (job, decision, reason) (rate(caddy_latchkey_requests_total{decision=~"block|bad_request|cross_origin|token_refused|binding_missing"}[15m]))`,
		},
		{"latchkey:sign_ins:rate10m", `sum by (job, provider) (rate(caddy_latchkey_sign_ins_total[10m]))`},
		{
			"latchkey:sign_ins_failed:ratio_rate10m",
			`sum by (job, provider) (rate(caddy_latchkey_sign_ins_total{code=~"900001|900002|900003"}[10m])) / (latchkey:sign_ins:rate10m > 0)`,
		},
		{
			"latchkey:store_request_duration_seconds:p99_rate5m",
			`histogram_quantile(0.99, sum by (job, instance, operation, le) (rate(caddy_latchkey_store_request_duration_seconds_bucket[5m])))`,
		},
		{
			"latchkey:store_request_failures:ratio_rate5m",
			`sum by (job, instance) (rate(caddy_latchkey_store_request_failures_total[5m])) / (sum by (job, instance) (rate(caddy_latchkey_store_request_duration_seconds_count[5m])) > 0)`,
		},
		{
			"latchkey:provider_request_duration_seconds:p95_rate10m",
			`histogram_quantile(0.95, sum by (job, provider, endpoint, le) (rate(caddy_latchkey_provider_request_duration_seconds_bucket[10m])))`,
		},
		{
			"latchkey:provider_request_failures:ratio_rate10m",
			`sum by (job, provider, endpoint) (rate(caddy_latchkey_provider_request_failures_total[10m])) / (sum by (job, provider, endpoint) (rate(caddy_latchkey_provider_request_duration_seconds_count[10m])) > 0)`,
		},
		{
			"latchkey:renewals_failed:ratio_rate15m",
			`sum by (job, provider) (rate(caddy_latchkey_renewals_total{result=~"outage|failed"}[15m])) / (sum by (job, provider) (rate(caddy_latchkey_renewals_total[15m])) > 0)`,
		},
	}
}

// alert is an alerting rule.
type alert struct {
	name, expr, wait string
	// severity: critical wakes an operator, warning waits for the morning.
	severity, summary string
	// says is the summary in the test below.
	says string
	// fires is what promtool is shown to see it fire: series that begin at 0 with a value a minute, and after how many minutes
	// it fires. labels are those of the alert, beside its severity.
	fires  []series
	after  int
	labels map[string]string
}

// series is a time series for a test, in the notation of promtool.
type series struct{ name, values string }

const (
	critical = "critical"
	warning  = "warning"
)

var (
	gateway   = map[string]string{"job": "latchkey", "instance": "gw"}
	ofMain    = map[string]string{"job": "latchkey", "provider": "main"}
	atGateway = `job="latchkey",instance="gw"`
	mainHere  = atGateway + `,provider="main"`
)

// with returns labels with more of them.
func with(labels map[string]string, pairs ...string) map[string]string {
	all := map[string]string{}
	for k, v := range labels {
		all[k] = v
	}
	for pair := range slices.Chunk(pairs, 2) {
		all[pair[0]] = pair[len(pair)-1]
	}
	return all
}

// alerts are all alerts, in the order of the runbook.
func alerts() []alert { return append(serviceAlerts(), upkeepAlerts()...) }
