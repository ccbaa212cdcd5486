package monitoring

// Prefix is what the names of all metrics of the gateway begin with.
const Prefix = "caddy_latchkey_"

// Metric is a metric that the gateway exports.
type Metric struct {
	// Name is without Prefix.
	Name string
	// Kind is counter, gauge or histogram.
	Kind   string
	Labels []string
	// LeftOut says why the dashboard does not show it. Empty: it does.
	LeftOut string
}

// Metrics are all metrics of the gateway.
func Metrics() []Metric {
	return []Metric{
		{Name: "requests_total", Kind: counter, Labels: []string{"decision", "reason"}},
		{Name: "report_only_total", Kind: counter, Labels: []string{"policy", "result"}},
		{Name: "binding_skipped_total", Kind: counter, Labels: []string{"reason"}},
		{Name: "bearer_tokens_total", Kind: counter, Labels: []string{"result"}},
		{Name: "bindings_total", Kind: counter, Labels: []string{"step", "result"}},
		{Name: "rate_limited_total", Kind: counter, Labels: []string{"endpoint"}},
		{Name: "renewals_total", Kind: counter, Labels: []string{"provider", "result"}},
		{Name: "token_exchanges_total", Kind: counter, Labels: []string{"provider", "result"}},
		{Name: "sign_ins_total", Kind: counter, Labels: []string{"provider", "code", "status"}},
		{Name: "back_channel_sign_outs_total", Kind: counter, Labels: []string{"result"}},
		{Name: "signals_received_total", Kind: counter, Labels: []string{"stream", "event", "result"}},
		{Name: "signals_polls_total", Kind: counter, Labels: []string{"stream", "result"}},

		{Name: "store_request_duration_seconds", Kind: histogram, Labels: []string{"operation"}},
		{Name: "store_request_failures_total", Kind: counter, Labels: []string{"operation"}},
		{Name: "provider_request_duration_seconds", Kind: histogram, Labels: []string{"provider", "endpoint"}},
		{Name: "provider_request_failures_total", Kind: counter, Labels: []string{"provider", "endpoint"}},

		{Name: "store_state", Kind: gauge, Labels: []string{"state"}},
		{Name: "store_state_since_seconds", Kind: gauge},
		{Name: "store_outages_total", Kind: counter},
		{Name: "store_file_bytes", Kind: gauge},
		{Name: "store_file_free_bytes", Kind: gauge},
		{Name: "store_file_writable", Kind: gauge},
		{Name: "cache_sessions", Kind: gauge},
		{Name: "cache_bytes", Kind: gauge},
		{Name: "cache_hits_total", Kind: counter},
		{Name: "cache_misses_total", Kind: counter},
		{Name: "cache_evictions_total", Kind: counter},
		{Name: "sessions_with_streams", Kind: gauge},
		{Name: "pending_sign_ins", Kind: gauge},
		{Name: "sign_in_log_stored_total", Kind: counter},
		{Name: "sign_in_log_over_share_total", Kind: counter},
		{Name: "sign_in_log_lost_total", Kind: counter},
		{Name: "sign_in_log_waiting", Kind: gauge},
		{Name: "key_ring_keys", Kind: gauge},
		{Name: "key_ring_rotation_due_seconds", Kind: gauge},
		{Name: "key_ring_read_seconds", Kind: gauge},
		{Name: "provider_state", Kind: gauge, Labels: []string{"provider", "state"}},
		{Name: "provider_metadata_fetched_seconds", Kind: gauge, Labels: []string{"provider"}, LeftOut: "provider_state says when it is too long ago"},
		{Name: "provider_keys_fetched_seconds", Kind: gauge, Labels: []string{"provider"}, LeftOut: "keys are fetched when a token needs them, so an old time means nothing"},
		{Name: "provider_failed_seconds", Kind: gauge, Labels: []string{"provider"}},
		{Name: "provider_clock_ahead_seconds", Kind: gauge, Labels: []string{"provider"}},
		{Name: "provider_client_certificate_ends_seconds", Kind: gauge, Labels: []string{"provider"}},
		{Name: "signals_state", Kind: gauge, Labels: []string{"stream", "state"}},
		{Name: "signals_last_received_seconds", Kind: gauge, Labels: []string{"stream"}},
	}
}

const (
	counter   = "counter"
	gauge     = "gauge"
	histogram = "histogram"
)
